/** Text from outside may hold what a terminal obeys: control characters but newline and tab are left out. */
export const printable = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "");
