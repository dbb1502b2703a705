/** Returns a setting that `npm test` makes. It is missing where a test file was started directly. */
export function requireSetting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`Expected ${name} to be set, got nothing: run the file by \`npm test -- FILE\``);
  return value;
}
