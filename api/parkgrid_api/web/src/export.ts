// What is seen, as a file: CSV, XLSX (a workbook of one sheet, written here: a zip without compression), PNG.

export interface Sheet {
  name: string;
  /** From when to when, for the name of the file. */
  span: string;
  /** What the table is: park, span, resolution; above the table. */
  head: [string, string][];
  columns: string[];
  rows: (string | number | null)[][];
}

export function save(name: string, blob: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function csv(sheet: Sheet): Blob {
  const cell = (value: string | number | null): string => {
    const text = value === null ? "" : String(value);
    // A leading =, +, -, @ of a text would be run as a formula by a spreadsheet.
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  };
  const lines = [sheet.columns, ...sheet.rows].map((row) => row.map(cell).join(","));
  return new Blob(["\ufeff", lines.join("\r\n"), "\r\n"], { type: "text/csv;charset=utf-8" });
}

export function xlsx(sheet: Sheet): Blob {
  const rows: (string | number | null)[][] = [...sheet.head, [], sheet.columns, ...sheet.rows];
  const data = rows.map((row, index) => `<row r="${index + 1}">${row.map((value, at) => cell(value, `${letters(at)}${index + 1}`)).join("")}</row>`);
  const files: [string, string][] = [
    ["[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`],
    ["_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`],
    ["xl/workbook.xml", `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="${escaped(sheet.name.replace(/[[\]:*?/\\]/g, " ").slice(0, 31))}" sheetId="1" r:id="r1"/></sheets></workbook>`],
    ["xl/_rels/workbook.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`],
    ["xl/worksheets/sheet1.xml", `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>${data.join("")}</sheetData></worksheet>`],
  ];
  const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
  const zipped = zip(files.map(([name, text]) => [name, new TextEncoder().encode(head + text)]));
  return new Blob([zipped.buffer as ArrayBuffer], { type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" });
}

function cell(value: string | number | null, at: string): string {
  if (value === null) return "";
  if (typeof value === "number") return `<c r="${at}"><v>${value}</v></c>`;
  return `<c r="${at}" t="inlineStr"><is><t xml:space="preserve">${escaped(value)}</t></is></c>`;
}

function escaped(text: string): string {
  // Control characters are not allowed in XML at all.
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

function letters(index: number): string {
  return (index >= 26 ? letters(Math.floor(index / 26) - 1) : "") + String.fromCharCode(65 + (index % 26));
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (TABLE[(crc ^ byte) & 255] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Little-endian fields, each as [bytes, value]. */
function fields(...listed: [2 | 4, number][]): Uint8Array {
  const bytes = new Uint8Array(listed.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of listed) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}

function zip(files: [string, Uint8Array][]): Uint8Array {
  const parts: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const [name, body] of files) {
    const label = new TextEncoder().encode(name);
    // 0x21 is 1980-01-01: the same content is the same file.
    const common: [2 | 4, number][] = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 0x21], [4, crc32(body)], [4, body.length], [4, body.length], [2, label.length], [2, 0]];
    const local = fields([4, 0x04034b50], ...common);
    central.push(fields([4, 0x02014b50], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), label);
    parts.push(local, label, body);
    offset += local.length + label.length + body.length;
  }
  const size = central.reduce((sum, part) => sum + part.length, 0);
  const end = fields([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset], [2, 0]);
  return joined([...parts, ...central, end]);
}

function joined(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The canvases of a view below each other, under a title, on the page's own ground. */
export function png(title: string, canvases: HTMLCanvasElement[], captions: string[], ground: string, ink: string): Promise<Blob> {
  const ratio = devicePixelRatio || 1;
  const line = 28 * ratio;
  const sheet = document.createElement("canvas");
  sheet.width = Math.max(...canvases.map((canvas) => canvas.width), 400 * ratio) + 32 * ratio;
  sheet.height = canvases.reduce((sum, canvas) => sum + canvas.height + line, 0) + 2 * line;
  const pen = sheet.getContext("2d");
  if (!pen) return Promise.reject(new Error("no canvas"));
  pen.fillStyle = ground;
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.fillStyle = ink;
  const font = getComputedStyle(document.body).fontFamily;
  pen.font = `600 ${15 * ratio}px ${font}`;
  pen.fillText(title, 16 * ratio, line);
  pen.font = `${13 * ratio}px ${font}`;
  let y = line * 1.5;
  canvases.forEach((canvas, index) => {
    pen.fillText(captions[index] ?? "", 16 * ratio, y + 18 * ratio);
    pen.drawImage(canvas, 16 * ratio, y + line);
    y += canvas.height + line;
  });
  return new Promise((done, fail) => sheet.toBlob((blob) => (blob ? done(blob) : fail(new Error("no picture"))), "image/png"));
}
