// A PDF of one page that is one picture (ISO 32000-1): six objects, the table of where each begins, and the trailer.

/** A page of a PDF. */
export interface PdfPage {
  jpeg: Uint8Array; // baseline or progressive, RGB
  pixels: { width: number; height: number }; // of the picture
  size: { width: number; height: number }; // of the page, which the picture fills; points of 1/72 inch
  title: string;
  lang: string; // BCP 47
  made: Date;
}

const hex = (n: number, digits: number): string => n.toString(16).toUpperCase().padStart(digits, '0');

/** A text as PDF has it in any script: UTF-16, big-endian, in hexadecimal digits (7.9.2.2). */
export const pdfText = (text: string): string =>
  `<FEFF${Array.from({ length: text.length }, (_, i) => hex(text.charCodeAt(i), 4)).join('')}>`;

const pdfDate = (at: Date): string => `(D:${at.toISOString().slice(0, 19).replaceAll(/[-T:]/g, '')}Z)`;

const number = (n: number): string => String(Number(n.toFixed(2)));

/** The bytes of the file. */
export function pdfOf({ jpeg, pixels, size, title, lang, made }: PdfPage): Uint8Array<ArrayBuffer> {
  const [w, h] = [number(size.width), number(size.height)];
  const draw = `q ${w} 0 0 ${h} 0 0 cm /Im Do Q`; // the picture is a unit square: stretched over the page
  const objects: (string | Uint8Array)[][] = [
    [`<< /Type /Catalog /Pages 2 0 R /Lang (${lang}) /ViewerPreferences << /DisplayDocTitle true >> >>`],
    ['<< /Type /Pages /Kids [3 0 R] /Count 1 >>'],
    [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${w} ${h}] /Resources << /XObject << /Im 4 0 R >> >> /Contents 5 0 R >>`,
    ],
    [
      `<< /Type /XObject /Subtype /Image /Width ${pixels.width} /Height ${pixels.height} /ColorSpace /DeviceRGB`,
      ` /BitsPerComponent 8 /Filter /DCTDecode /Length ${jpeg.length} >>\nstream\n`,
      jpeg,
      '\nendstream',
    ],
    [`<< /Length ${draw.length} >>\nstream\n${draw}\nendstream`],
    [`<< /Title ${pdfText(title)} /Producer (wangge) /CreationDate ${pdfDate(made)} >>`],
  ];
  const parts: Uint8Array[] = [];
  let length = 0;
  const put = (part: string | Uint8Array) => {
    const bytes = typeof part === 'string' ? Uint8Array.from(part, (c) => c.charCodeAt(0)) : part;
    parts.push(bytes);
    length += bytes.length;
  };
  put('%PDF-1.4\n%\xe2\xe3\xcf\xd3\n'); // the second line tells programs that the file is no text
  const begins = objects.map((object, i) => {
    const at = length;
    for (const part of [`${i + 1} 0 obj\n`, ...object, '\nendobj\n']) put(part);
    return at;
  });
  const table = length;
  const rows = begins.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`); // 20 bytes each
  put(`xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows.join('')}`);
  put(`trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info 6 0 R >>\nstartxref\n${table}\n%%EOF\n`);
  const file = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}
