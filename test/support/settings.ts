/** A setting that `npm test` makes; without it a test file was started by itself. */
export function requireSetting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`Expected ${name} to be set, got nothing: run the file by \`npm test -- FILE\``);
  return value;
}
