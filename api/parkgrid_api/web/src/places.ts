// Pingshan as the plan of 2024-02-18 names it: sub-districts as simple shapes, the parks and areas of its clusters as
// places. A schematic, not a map: distances and outlines are only about right. Drawn in a field of 640 x 420.

export interface Area {
  zh: string;
  en: string;
  points: string;
  at: [number, number];
}

export interface Place {
  zh: string;
  en: string;
  at: [number, number];
  /** Parts of a park's identifier or Chinese name that place it here. */
  marks: string[];
}

export const AREAS: Area[] = [
  { zh: "碧岭", en: "Biling", points: "20,220 130,170 200,215 190,330 90,365 25,310", at: [62, 300] },
  { zh: "马峦", en: "Maluan", points: "200,215 290,235 330,330 270,400 120,405 90,365 190,330", at: [190, 385] },
  { zh: "坪山", en: "Pingshan", points: "130,170 235,120 330,150 340,235 290,235 200,215", at: [185, 172] },
  { zh: "龙田", en: "Longtian", points: "235,120 300,45 420,50 440,130 330,150", at: [318, 72] },
  { zh: "坑梓", en: "Kengzi", points: "420,50 540,25 620,95 590,190 480,200 440,130", at: [575, 60] },
  { zh: "石井", en: "Shijing", points: "330,150 440,130 480,200 590,190 560,320 430,390 330,330 290,235 340,235", at: [520, 352] },
];

export const PLACES: Place[] = [
  { zh: "碧岭", en: "Biling", at: [110, 250], marks: ["biling", "碧岭", "金沙", "碧湖"] },
  { zh: "高新北", en: "Gaoxin North", at: [265, 128], marks: ["gaoxin-bei", "高新北"] },
  { zh: "高新南", en: "Gaoxin South", at: [262, 190], marks: ["gaoxin-nan", "高新南"] },
  { zh: "坪环-江岭", en: "Pinghuan-Jiangling", at: [232, 258], marks: ["jiangling", "pinghuan", "江岭", "坪环"] },
  { zh: "马峦山", en: "Maluanshan", at: [245, 335], marks: ["maluan", "马峦"] },
  { zh: "坪山中心", en: "Pingshan centre", at: [345, 205], marks: ["pingshan", "坪山"] },
  { zh: "生物产业基地", en: "Biology base", at: [395, 268], marks: ["shengwu", "生物", "bio"] },
  { zh: "龙田北", en: "Longtian North", at: [372, 92], marks: ["longtian", "龙田"] },
  { zh: "沙田", en: "Shatian", at: [520, 100], marks: ["shatian", "沙田"] },
  { zh: "聚龙山", en: "Julongshan", at: [480, 235], marks: ["julong", "聚龙"] },
];

/** The most telling place: the longest mark that a park's name contains. */
export function placeOf(park: string, nameZh: string | null): Place | null {
  let best: Place | null = null;
  let length = 0;
  for (const place of PLACES) {
    for (const mark of place.marks) {
      if (mark.length * (mark.charCodeAt(0) > 255 ? 3 : 1) > length && (park.includes(mark) || nameZh?.includes(mark))) {
        best = place;
        length = mark.length * (mark.charCodeAt(0) > 255 ? 3 : 1);
      }
    }
  }
  return best;
}
