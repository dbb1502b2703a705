import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { rootFolder } from "../lib/paths.ts";

/** Long runs with commands of their own. */
const foldersOfTheirOwn = ["faults", "aws"];

/** Every test file of the repository but the long runs. */
export function findTestFiles(): string[] {
	const find = (folder: string): string[] =>
		readdirSync(join(rootFolder, folder), { withFileTypes: true }).flatMap(
			(entry) => {
				const path = `${folder}/${entry.name}`;
				if (entry.isDirectory()) return find(path);
				return entry.name.endsWith(".test.ts") ? [path] : [];
			},
		);
	return readdirSync(join(rootFolder, "test"), { withFileTypes: true })
		.filter(
			(entry) => entry.isDirectory() && !foldersOfTheirOwn.includes(entry.name),
		)
		.flatMap((entry) => find(`test/${entry.name}`))
		.concat(
			readdirSync(join(rootFolder, "test"))
				.filter((name) => name.endsWith(".test.ts"))
				.map((name) => `test/${name}`),
		)
		.sort();
}

/** Runs tap to its end and gives its exit code; the whole TAP stream goes to `outputPath`. */
export async function runTap(
	files: readonly string[],
	{
		env,
		outputPath,
		signal,
	}: { env: NodeJS.ProcessEnv; outputPath: string; signal: AbortSignal },
): Promise<number> {
	const tap = join(rootFolder, "node_modules", ".bin", "tap");
	if (!existsSync(tap)) throw new Error(`Expected tap at ${tap}, got nothing`);
	const reporter = process.stdout.isTTY ? "base" : "terse";
	const child = spawn(
		process.execPath,
		[
			tap,
			"run",
			`--reporter=${reporter}`,
			`--output-file=${outputPath}`,
			...files,
		],
		{
			cwd: rootFolder,
			env,
			stdio: ["ignore", "inherit", "inherit"],
			// A group of its own: what hangs in it can be ended as a whole.
			detached: true,
		},
	);
	const end = () => {
		if (child.pid !== undefined && child.exitCode === null)
			process.kill(-child.pid, "SIGTERM");
	};
	signal.addEventListener("abort", end, { once: true });
	return new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("exit", (code) => {
			signal.removeEventListener("abort", end);
			resolve(code ?? 1);
		});
	});
}
