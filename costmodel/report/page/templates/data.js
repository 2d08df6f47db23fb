"use strict";
// What the scripts of a page share.
const report = {};
// What the page holds for them. It is packed: a twentieth as long as it is.
report.unpack = async () => {
  const bytes = Uint8Array.from(atob(document.getElementById("report-data").textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const data = JSON.parse(await new Response(stream).text());
  for (const link of document.querySelectorAll("a[data-file]")) link.href = URL.createObjectURL(new Blob([data.files[link.dataset.file]], { type: "text/csv" }));
  return data;
};
