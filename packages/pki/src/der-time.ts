import { type DerReader, derTag } from "./der.ts";
import { malformed } from "./errors.ts";

/**
 * Reads a Time as whole seconds since 1970 (RFC 5280, section 4.1.2.5): UTCTime `YYMMDDHHMMSSZ` for the years 1950 to 2049,
 * GeneralizedTime `YYYYMMDDHHMMSSZ` for later ones; days that are in no calendar are refused. Error: PKI_CERTIFICATE_MALFORMED.
 */
export function readTime(reader: DerReader, field: string): number {
  const short = reader.nextIs(derTag.utcTime);
  const text = String.fromCharCode(...reader.content(short ? derTag.utcTime : derTag.generalizedTime));
  const parts = (short ? utcTime : generalizedTime).exec(text)?.slice(1).map(Number);
  if (parts === undefined) throw malformed(field);
  const [yearRead = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const year = short ? yearRead + (yearRead < 50 ? 2000 : 1900) : yearRead;
  if (!short && year < 2050) throw malformed(field);
  const dayRight = month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
  if (!dayRight || hour > 23 || minute > 59 || second > 59) throw malformed(field);
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
}

const utcTime = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const generalizedTime = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

function daysOf(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
