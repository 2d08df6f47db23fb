"""Files of the peers that are Jinja2 templates, rendered as they do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from costmodel.spec.problems import Problem, SpecError


class AssertTag(Extension):
    """AccelForge's ``{% assert CONDITION, MESSAGE %}``."""

    tags = {"assert"}  # noqa: RUF012  as Jinja2 declares it

    def parse(self, parser: Parser) -> nodes.Node:
        """Read the tag."""
        line = next(parser.stream).lineno
        condition = parser.parse_expression()
        message = parser.parse_expression() if parser.stream.skip_if("comma") else nodes.Const("an assertion fails")
        return nodes.Output([self.call_method("check", [condition, message])]).set_lineno(line)

    @staticmethod
    def check(condition: object, message: object) -> str:
        """Refuse values that the template refuses."""
        if not condition:
            raise jinja2.TemplateRuntimeError(str(message))
        return ""


def rendered(file: Path, text: str, values: Mapping[str, object]) -> str:
    """The text that a template makes; its lines stay where they are unless the template repeats some.

    Raises SpecError.
    """
    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FileSystemLoader(file.parent),
        extensions=[AssertTag],
        keep_trailing_newline=True,
    )
    line, hint = 0, ""
    try:
        return environment.from_string(text).render(values)
    except jinja2.UndefinedError as error:
        message, hint = f"needs a value: {error.message}", "say --set NAME=VALUE"
    except jinja2.TemplateSyntaxError as error:
        message, line, hint = f"is not read: {error.message}", error.lineno, "give the file that the tool made of it"
    except jinja2.TemplateNotFound as error:
        message = f"includes {error.name!r}, which is not there"
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        message = f"cannot be rendered: {error}"
    raise SpecError([Problem(f"the template {message}", str(file), line, hint=hint)])
