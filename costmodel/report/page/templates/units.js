// Numbers for people, as the page has them: a prefix, and three digits.
report.units = (() => {
  const prefixes = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"], [1e-15, "f"], [1e-18, "a"]];
  const digits = (value) => {
    if (!value || !Number.isFinite(value)) return String(value);
    const places = Math.min(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))), 100);
    const text = value.toFixed(places);
    return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
  };
  const prefixed = (value, unit, smallest = 1e-12) => {
    if (!value) return `0 ${unit}`;
    const [scale, prefix] = prefixes.find(([size]) => Math.abs(value) >= size * 0.9995 || size <= smallest);
    return `${digits(value / scale)} ${prefix}${unit}`;
  };
  const exact = (value) => (Math.abs(value) >= 1 ? value.toLocaleString("en", { maximumFractionDigits: 6 }) : String(Number(value.toPrecision(6))));
  return {
    digits,
    prefixed,
    exact,
    joules: (pj) => prefixed(pj * 1e-12, "J"),
    seconds: (s) => prefixed(s, "s"),
    percent: (share) => (share ? `${digits(100 * share)} %` : "0 %"),
    // The factor that leaves one to three digits before the point of the largest value, and its unit.
    scale: (largest, unit) => [[1, ""], [1e3, "m"], [1e6, "µ"], [1e9, "n"], [1e12, "p"]].map(([factor, prefix]) => [factor, prefix + unit]).find(([factor]) => largest * factor >= 1) ?? [1e12, `p${unit}`],
  };
})();
