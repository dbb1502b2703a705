import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { Parser } from "tap-parser";

export interface TapCount {
	passed: number;
	failed: number;
	skipped: number;
}

/**
 * Counts the assertions of a TAP stream. A test point that sums up a subtest is none itself, unless it failed though
 * everything within it passed: then a file ended badly, or a clean-up failed.
 */
export async function countTap(path: string): Promise<TapCount> {
	const parser = new Parser();
	const count = countPoints(parser);
	await pipeline(createReadStream(path), parser);
	// A stream that breaks off (no plan, a bail-out) is a failure that no single point shows.
	if (!parser.ok && count.failed === 0) count.failed = 1;
	return count;
}

function countPoints(parser: Parser): TapCount {
	const count: TapCount = { passed: 0, failed: 0, skipped: 0 };
	let subtest: TapCount | undefined;
	parser.on("child", (child) => {
		subtest = countPoints(child);
	});
	parser.on("assert", (point) => {
		const within = subtest;
		subtest = undefined;
		if (
			within !== undefined &&
			within.passed + within.failed + within.skipped > 0
		) {
			count.passed += within.passed;
			count.skipped += within.skipped;
			count.failed +=
				within.failed + (!point.ok && within.failed === 0 ? 1 : 0);
		} else if (point.skip || point.todo) count.skipped += 1;
		else if (point.ok) count.passed += 1;
		else count.failed += 1;
	});
	return count;
}
