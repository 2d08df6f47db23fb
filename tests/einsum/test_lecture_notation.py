"""What the lecture writes, as it is written there: read, printed in the canonical form and in LaTeX."""

import pytest

from costmodel.einsum.latex import latex
from costmodel.einsum.notation import parse, read
from costmodel.einsum.tokens import NotationError

CONV = "O[n, m, p, q] = B[m] + I[n, c, U*p + r, U*q + s] * F[m, c, r, s]"

READ = [
    # as written, canonical, what is said about shapes
    (r"Z_{m,n} = A_{m,k} \times B_{k,n}", "Z[m, n] = A[m, k] * B[k, n]", {}),
    ("Z_{m,n} = A_{k,m} × B_{k,n}", "Z[m, n] = A[k, m] * B[k, n]", {}),
    (r"O_q = I_{q+s} \times F_s", "O[q] = I[q + s] * F[s]", {}),
    ("O_q^Q = I_{q+s}^W × F_s^S", "O[q] = I[W=q + s] * F[s]", {}),
    ("O^Q_q = I^W_{q+s} · F^S_s", "O[q] = I[W=q + s] * F[s]", {}),
    (r"O_{n,m,p,q} = B_m + I_{n,c,U \times p+r,U \times q+s} \times F_{m,c,r,s}", CONV, {}),
    (r"O_{n,m,p,q} = B_m + I_{n,c,Up+r,Uq+s} F_{m,c,r,s}", CONV, {}),
    ("o[n][m][p][q] = b[m] + i[n][c][U*p+r][U*q+s]*f[m][c][r][s]", CONV, {}),
    ("O[n][m][p][q] += i[n][c][Up+r][Uq+s] * f[m][c][r][s];", CONV.replace("= B[m] +", "+="), {}),
    (
        r"QK_{m,p}^{M,P=M} = Q_{p,e}^{M,E} \times K_{m,e}",
        "QK[m, p] = Q[M=p, e] * K[m, e]",
        {"P": "M"},
    ),
    (r"QK_{m,P=M} = Q_{p,e} \times K_{m,e}", "QK[m, p] = Q[p, e] * K[m, e]", {"P": "M"}),
    (r"SN_{m,p} = \exp(QK_{m,p})", "SN[m, p] = exp(QK[m, p])", {}),
    (r"SN_{m,p} = \exp\left( QK_{m,p} - GM_p \right)", "SN[m, p] = exp(QK[m, p] - GM[p])", {}),
    (r"SD_p = \sum SN_{m,p}", "SD[p] = SN[m, p]", {}),
    ("SD_p = Σ SN_{m,p}", "SD[p] = SN[m, p]", {}),
    (r"SD_p = \sum_m SN_{m,p}", "SD[p] = SN[m, p]", {}),
    (r"Z_{m,n} = \sum_{k=0}^{K-1} A_{m,k} B_{k,n}", "Z[m, n] = A[m, k] * B[k, n]", {}),
    (r"Z_n = \sum_{m,k} A_{m,k} \cdot B_{k,n}", "Z[n] = A[m, k] * B[k, n]", {}),
    (r"Z_n = \sum_{m} \sum_{k \in K} A_{m,k} \cdot B_{k,n}", "Z[n] = A[m, k] * B[k, n]", {}),
    (r"O_m = B_m + \sum_k I_k F_{m,k}", "O[m] = B[m] + I[k] * F[m, k]", {}),
    (r"GM_p = \max_m QK_{m,p}", "GM[p] max= QK[m, p]", {}),
    (r"GM_p = \max(QK_{m,p})", "GM[p] max= QK[m, p]", {}),
    (r"RM_{m1+1,p} = \max(RM_{m1,p}, LM_{m1,p})", "RM[m1 + 1, p] = max(RM[m1, p], LM[m1, p])", {}),
    (r"P_m = \prod_k A_{m,k}", "P[m] *= A[m, k]", {}),
    ("A_{m,p} = SN_{m,p} / SD_p", "A[m, p] = SN[m, p] / SD[p]", {}),
    (r"A_{m,p} = \frac{SN_{m,p}}{SD_p}", "A[m, p] = SN[m, p] / SD[p]", {}),
    (r"S_{m} = QK_{m} / \sqrt{E}", "S[m] = QK[m] / sqrt(E)", {}),
    (
        r"AV_{b,h,p,f}^{B,H,P=M,F} = A_{b,h,m,p} \times V_{b,h,m,f}",
        "AV[b, h, p, f] = A[b, h, m, p] * V[b, h, m, f]",
        {"P": "M"},
    ),
    (
        r"C_{b,p,h \times F+f}^{B,P=M,G=H \times F} = AV_{b,h,p,f}",
        "C[b, p, G=h*F + f] = AV[b, h, p, f]",
        {"P": "M", "G": "H * F"},
    ),
    (r"Z_{b,p,d} = C_{b,p,g} \times WZ_{g,d}", "Z[b, p, d] = C[b, p, g] * WZ[g, d]", {}),
    ("Z_{(i,j)} = A_{(i,j)} × B_{(i,j)}", "Z[(i, j)] = A[(i, j)] * B[(i, j)]", {}),
    ("Z_{(i,j),k} = A_{i,(j,k)}", "Z[(i, j), k] = A[i, (j, k)]", {}),
    ("Z_{ij} = A_{ij} × B_{ij}", "Z[ij] = A[ij] * B[ij]", {}),
    ("O_{m,pq} = T_{pq,crs} × F_{m,crs}", "O[m, pq] = T[pq, crs] * F[m, crs]", {}),
    ("$$Z_m = A_{k,m} × B_k$$", "Z[m] = A[k, m] * B[k]", {}),
    (r"\( y_m = w_{m,k} \, x_k \)", "Y[m] = W[m, k] * X[k]", {}),
    (r"Z = \sum_k A_k B_k", "Z[] = A[k] * B[k]", {}),
    (r"\mathbf{Z}_m = \mathrm{relu}(A_m) - 2", "Z[m] = relu(A[m]) - 2", {}),
    (r"RM_{0,p} = -\infty", "RM[0, p] = -inf", {}),
    ("E_{m,d} = TABLE_{TOKEN_m,d}", "E[m, d] = TABLE[TOKEN[m], d]", {}),
    ("E_{b,m,d} = TABLE_{TOKEN_{b,m},d}^{V,D}", "E[b, m, d] = TABLE[V=TOKEN[b, m], d]", {}),
    (r"Z_{m\_0} = A_{m\_0}", "Z[m_0] = A[m_0]", {}),
    ("Zₘ = Aₘₖ • Bₖ", "Z[m] = A[m, k] * B[k]", {}),
    ("Oₚ = Σ I₂ₚ₊ᵣ₋₁ × Fᵣ", "O[p] = I[2*p + r - 1] * F[r]", {}),
    ("Z₍ᵢⱼ₎ = A₍ᵢⱼ₎ × Bₘ₁", "Z[(i, j)] = A[(i, j)] * B[m1]", {}),
    ("Z_{((i,j),k)} = A_{((i,j),k)} × B_{i,(j,k)}", "Z[((i, j), k)] = A[((i, j), k)] * B[i, (j, k)]", {}),
    (r"SN_{m,p} = e^{QK_{m,p} - GM_p}", "SN[m, p] = exp(QK[m, p] - GM[p])", {}),
    (r"Z_{m,n} = \left(\sum_k A_{m,k} B_{k,n}\right)", "Z[m, n] = A[m, k] * B[k, n]", {}),
    (r"Z_m = \Big[ \sum_k A_{m,k} B_k \Big] + C_m", "Z[m] = A[m, k] * B[k] + C[m]", {}),
    (r"Z_m = \left\{ \sum_k \bigl( A_{m,k} B_k \bigr) \right\} - C_m", "Z[m] = A[m, k] * B[k] - C[m]", {}),
    (r"Z_m = \exp\left[A_m\right] [B_m + GM_m]", "Z[m] = exp(A[m]) * (B[m] + GM[m])", {}),
    (r"Z_m = \max_{k}\{A_{m,k}\}", "Z[m] max= A[m, k]", {}),
    (r"Z_m = \mathop{\max}\nolimits_k A_{m,k}", "Z[m] max= A[m, k]", {}),
    (r"Z_m = \operatorname*{max}_k A_{m,k}", "Z[m] max= A[m, k]", {}),
    (r"Z_{m,n} = \textstyle\sum^{K-1}_{k=0} A_{m,k} B_{k,n}", "Z[m, n] = A[m, k] * B[k, n]", {}),
    (r"Z_{m,n} &= A_{m,k} \times B_{k,n} \\[4pt]", "Z[m, n] = A[m, k] * B[k, n]", {}),
    (r"\begin{aligned} Z_m &= A_m, \tag{3} \nonumber \end{aligned}", "Z[m] = A[m]", {}),
    (r"Z_{m,n} = A_{m,k} \hspace{1em} B_{k,n}.", "Z[m, n] = A[m, k] * B[k, n]", {}),
    (r"Z_m \leftarrow A_m", "Z[m] = A[m]", {}),
    ("Z_m := A_m", "Z[m] = A[m]", {}),
    (r"Z_m {+}{=} A_{m,k}", "Z[m] += A[m, k]", {}),
    (r"Z_m \mathrel{*}= A_{m,k}", "Z[m] *= A[m, k]", {}),
    (r"Z_m \mathrel{\max}= A_{m,k}", "Z[m] max= A[m, k]", {}),
    (r"Z_{\mu,\nu} = A_{\mu,k} \beta_{k,\nu}", "Z[mu, nu] = A[mu, k] * Beta[k, nu]", {}),
    ("Z_μ = λ_μ", "Z[mu] = Lambda[mu]", {}),
    (r"\sigma_m = \sigma(A_m)", "Sigma[m] = sigmoid(A[m])", {}),
    (r"Z_m = \text{ReLU}(A_m)", "Z[m] = relu(A[m])", {}),
    (r"{Z}_{{m},{n}} = \bm{A}_{{m,n}}", "Z[m, n] = A[m, n]", {}),
    (r"Z^{M \times N}_{m,n} = A^{K × M}_{k,m} B^{K × N}_{k,n}", "Z[m, n] = A[k, m] * B[k, n]", {}),
    ("P_m = Π_k A_{m,k} \u2062 B_m", "P[m] *= A[m, k] * B[m]", {}),
    (r"\begin{equation*} Z_m \mathrel{+}= A_{m,k}{\times}B_k \end{equation*}", "Z[m] += A[m, k] * B[k]", {}),
]


@pytest.mark.parametrize(("text", "canonical", "shapes"), READ)
def test_a_statement_of_the_lecture_reads_as_the_canonical_one(text, canonical, shapes):
    statement = parse(text)
    assert str(statement) == canonical
    assert {shape.rank: str(shape.expression) for shape in statement.shapes} == shapes
    assert parse(str(statement)) == statement
    again = parse(latex(statement))
    assert (again, again.shapes) == (statement, statement.shapes)


@pytest.mark.parametrize(
    ("text", "canonical", "written"),
    [
        ("A_{k,m}^{K=X,M=X}", "A[K=X, M=X]", "A^{K=X,M=X}"),
        ("A^{K=X,M=X}_{k,m}", "A[K=X, M=X]", "A^{K=X,M=X}"),
        ("G^{S=V, D=V}", "G[S=V, D=V]", "G^{S=V,D=V}"),
        ("G^{S=6,D=6}", "G[S=6, D=6]", "G^{S=6,D=6}"),
        ("A[K, M]", "A[K, M]", "A^{K,M}"),
        (r"C[B, G=H*F]", "C[B, G=H*F]", r"C^{B,G=H \times F}"),
        (r"A \in \mathbb{R}^{K \times M}", "A[K, M]", "A^{K,M}"),
    ],
)
def test_a_tensor_alone_declares_its_ranks(text, canonical, written):
    declared = read(text)
    assert (str(declared), latex(declared)) == (canonical, written)
    assert read(canonical) == read(written) == declared
    with pytest.raises(NotationError, match="declares a tensor"):
        parse(text)


PRINTED = [
    ("Z[m, n] = A[m, k] * B[k, n]", r"Z_{m,n} = A_{m,k} \times B_{k,n}"),
    ("O[q] = I[W=q + s] * F[s]", r"O_q = I_{q+s}^W \times F_s"),
    ("QK[h, m, p] = Q[h, M=p, e] * K[h, m, e]", r"QK_{h,m,p} = Q_{h,p,e}^{H,M,E} \times K_{h,m,e}"),
    ("O[m] = I[W=p + r, q + s, m]", r"O_m = I_{p+r,q+s,m}^{W,,M}"),
    ("Z[] = A[m1] * A_b[h_2]", r"Z_{} = A_{m1} \times A\_b_{h\_2}"),
    ("GM[p] max= QK[m, p] + B[p]", r"GM_p = \max_m (QK_{m,p} + B_p)"),
    ("SD[p] += SN[m, p]", "SD_p += SN_{m,p}"),
    ("A_[p] = B[p]", r"A\__{p} = B_p"),
    ("Z[(i, j)] = exp(A[(i, j)])", r"Z_{(i,j)} = \exp(A_{(i,j)})"),
]


@pytest.mark.parametrize(("canonical", "written"), PRINTED)
def test_a_statement_prints_as_the_slide_writes_it(canonical, written):
    assert latex(parse(canonical)) == written
    assert str(parse(written)) == canonical


REFUSED = [
    # text, where, message, the nearest form that can be read
    ("I_{c,h,w} -> I_{chw}", 10, "'I_{c,h,w} -> I_{chw}' is a transform", "costmodel transform"),
    (r"I_{c,h,w} \to I_{chw}", 10, "is a transform", "costmodel transform"),
    ("Z[m] → Z[mn]", 5, "is a transform", "costmodel transform"),
    (r"Z_m = \sum A_m", 6, "sums nothing", "leave it out"),
    (r"Z_{m,n} = \sum_n A_{m,k} B_{k,n}", 10, "over n, which is on the left", r"write \sum_{k}"),
    (r"Z_m = \sum_{k} A_{m,k} B_{k,n}", 6, "does not name n", r"write \sum_{k,n}"),
    (r"Z_m = \sum_{k,j} A_{m,k}", 6, "over j, which A[m, k] does not have", r"write \sum_{k}"),
    (r"Z_m = \sum_{k=1}^{K} A_{m,k}", 14, "k starts at 1", "write k=0"),
    (r"Z_m = \sum_{k=0}^{N} A_{m,k}", 17, "runs over its whole rank", "^{K-1}"),
    (r"Z_m = \sum_k (A_{m,k} + B_m)", 6, "B[m] has no k", "outside of the sum"),
    (r"Z_m = \exp(\sum_k A_{m,k})", 11, r"\sum stands in front of a term", "an Einsum of its own"),
    (r"Z_m max= \sum_k A_{m,k}", 9, "beside 'max='", "one reduction"),
    (r"Z_m = \max_k A_{m,k} + B_m", 21, "takes all of the right side", "in brackets"),
    ("Z_mn = A_m", 2, "Z_mn is Z_m and n", "Z_{mn} or Z_{m,n}"),
    ("Z_{m} = A_{m,k}^T B_k", 8, "each index has its rank", "indices swapped"),
    ("Z_m = A_m^2", 10, "ranks stand above A", "pow(A[…], 2)"),
    ("Z_m = A_m^k", 10, "ranks stand above A", "did you mean K?"),
    ("Z_{s} = G^{S,D}", 8, "ranks above it and no indices", "G_{s,d}"),
    (r"Z_m = \tims A_m", 6, r"unknown command \tims", r"did you mean \times?"),
    (r"Z_m = A_m \odot B_m", 10, r"unknown command \odot", "'*'"),
    (r"Z_m = \frac A_m", 12, "what stands above the line", r"\frac{A_m}{B_m}"),
    ("Z_{m = A_m", 3, "'m' must be upper case", ""),
    ("Z{m} = A{m}", 1, "expected '['", "A_{m,k}"),
    ("o[n][m] = a[n] * A[n][m]", 10, "tensors a and A would be one", "another name"),
    ("o[n][m] = o[n,m][k]", 10, "each index has brackets of its own", "O[n, m]"),
    ("Z_m_k = A_m", 3, "two scripts below", "in braces"),
    ("Z[(i, j)] = A[((i), k)]", 17, "expected ',' in the tuple of A", "no brackets"),
    ("GM[p] = max(QK[m, p])", 8, "max takes 2 to 16 arguments, found 1", "max= A[m, k]"),
    ("Z[m] = softmax(A[m])", 7, "unknown function 'softmax'", "is a cascade"),
    (r"Z_m = 2 \sum_k B_{m,k}", 8, r"\sum stands in front of a term", "write it first"),
    (r"Z_m = \left(\sum_k A_{m,k}\right) / B_m", 12, r"\sum stands in front", "an Einsum of its own"),
    (r"Z_m = \frac{\sum_k A_{m,k}}{B_m}", 12, r"\sum stands in front", "an Einsum of its own"),
    (r"Z_m = \sqrt[3]{A_m}", 11, "only square roots", "pow(x, 1 / 3)"),
    (r"QK_m = S_m / \sqrt{d_k}", 19, "d in lower case would be a tensor", "D_K"),
    (r"Q_{p,e} = X_{p,d} W^Q_{d,e}", 18, "each index has its rank", "written WQ"),
    ("Z_{m}^{(i+1)} = Z_m", 7, "ranks stand above Z", "Z_{i+1,m}"),
    (r"A \in \mathbb{R}^{512 \times 64}", 18, "ranks stand above A", "A^{K=512,…}"),
    (r"Z_m = \epsilon A_m", 6, "neither a tensor nor a constant", "EPSILON"),
    (r"Z_m = A_m, \forall m", 11, r"unknown command \forall", "leave it out"),
    ("Z_{m n} = A_{m n}", 5, "multiplies another rank variable", "separated by ','"),
    ("O_p = I_{pU+r} F_r", 9, "must be lower case", "U*p"),
    (r"Z_m = \log_2 A_m", 10, "nothing below it", "log(x) / log(2)"),
    ("𝑍_m = A_m", 0, "unexpected character", "write Z"),
    (r"\hat{Z}_m = A_m", 0, r"unknown command \hat", "letters"),
]


@pytest.mark.parametrize(("text", "place", "message", "hint"), REFUSED)
def test_what_cannot_be_read_names_the_nearest_form_that_can(text, place, message, hint):
    with pytest.raises(NotationError) as caught:
        parse(text)
    (problem,) = caught.value.problems
    assert message in problem.message
    assert hint in problem.hint
    assert caught.value.offset == place
