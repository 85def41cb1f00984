/** System fonts that hold the characters of Chongming's place names, also those outside GB 2312. */
export const cjkFonts =
  '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", sans-serif';
