// Names that people wrote in both languages at once: "洁净厂房屋顶光伏 / Clean room rooftop".

const CHINESE = /[\u3400-\u9fff\uf900-\ufaff]/;

/** The half in the wanted language; the whole name unless one half is Chinese and the other is not. */
export function bilingualName(name: string, wanted: "zh" | "en"): string {
  const halves = name.split(" / ").map((part) => part.trim());
  const chinese = halves.map((part) => CHINESE.test(part));
  if (halves.length !== 2 || halves.includes("") || chinese[0] === chinese[1]) return name;
  return halves[chinese.indexOf(wanted === "zh")] ?? name;
}
