// The words of taking a result away and of comparing two, in Chinese.
export const print = {
  title: '带走结果',
  form: { png: 'PNG 图片', pdf: 'PDF（一页 A4）', csv: 'CSV 表', xlsx: 'Excel 工作簿' },
  map: '分析图',
  maps: '两个结果的对比图',
  table: '结果表',
  hint: '图与表都带有时段、参数与署名；表中数字为全部精度。',
  made: (when: string, who: string) => `${when} 由${who}导出`,
  run: (id: string, hash: string) => `分析编号 ${id} · 结果校验 ${hash}`,
  noMap: '地图还没有画好，请稍后再试。',
  left: (what: string) => `左：${what}`,
  right: (what: string) => `右：${what}`,
  compared: (titles: string) => `对比：${titles}`,
  sameGround: '两个分析结果，同一范围、同一比例尺',
  bothCounts: (legend: string) => `${legend}（左 · 右）`,
};

export const compare = {
  start: '与当前结果对比',
  started: '正在对比',
  stop: '结束对比',
  left: (title: string, period: string) => `左：${title}，${period}`,
  right: (title: string, period: string) => `右：${title}，${period}`,
  legend: '右侧图例',
  divider: '左右分隔线：方向键移动',
  share: (percent: number) => `左侧占 ${percent}%`,
};

export type PrintWords = typeof print;
export type CompareWords = typeof compare;
