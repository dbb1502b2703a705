import { createServer } from 'node:net';
import type { Test } from 'tap';

export interface Disguise {
  readonly name: string;
  readonly text: string;
}

/**
 * Makes scripts with names that end in .mp4. A reader that trusts their first bytes opens `canary`, which lies outside of the
 * job's folder, `neighbour`, which lies inside, or an address at `port`.
 */
export function makeDisguises(canary: string, neighbour: string, port: number): Disguise[] {
  const address = `http://127.0.0.1:${port}/x.mp4`;
  const hls = (uri: string) => `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${uri}\n#EXT-X-ENDLIST\n`;
  const dash = (uri: string) =>
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">' +
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">' +
    `<BaseURL>${uri}</BaseURL><SegmentList><SegmentURL media="${uri}"/></SegmentList>` +
    '</Representation></AdaptationSet></Period></MPD>';
  return [
    { name: 'an HLS list of files', text: hls(`file://${canary}`) },
    { name: 'an HLS list of paths', text: hls(canary) },
    { name: 'an HLS list of files in pieces', text: hls(`concat:${canary}|${canary}`) },
    { name: 'an HLS list of addresses', text: hls(address) },
    { name: 'an HLS list of lists', text: `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${address}\n` },
    { name: 'an HLS list with its key elsewhere', text: hls(neighbour).replace('#EXTINF', keyAt(address)) },
    { name: 'an ffconcat script', text: `ffconcat version 1.0\nfile '${canary}'\n` },
    { name: 'an ffconcat script of a neighbour', text: `ffconcat version 1.0\nfile '${neighbour}'\n` },
    { name: 'an ffconcat script of an address', text: `ffconcat version 1.0\nfile '${address}'\n` },
    { name: 'an ffconcat script of another protocol', text: `ffconcat version 1.0\nfile 'subfile,,:${canary}'\n` },
    { name: 'a DASH manifest of files', text: dash(`file://${canary}`) },
    { name: 'a DASH manifest of addresses', text: dash(address) },
    { name: 'an SVG', text: svg(`file://${canary}`) },
    { name: 'an SVG of an address', text: svg(address) },
    { name: 'an SDP', text: sdp(port) },
    { name: 'a script of images', text: `${canary}\n`.repeat(20) },
  ];
}

function keyAt(address: string): string {
  return `#EXT-X-KEY:METHOD=AES-128,URI="${address}"\n#EXTINF`;
}

function svg(uri: string): string {
  const names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"';
  return `<svg ${names} width="64" height="64"><image xlink:href="${uri}" width="64" height="64"/></svg>`;
}

function sdp(port: number): string {
  const head = 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n';
  return `${head}m=video ${port} RTP/AVP 96\na=rtpmap:96 H264/90000\n`;
}

/** Counts connections and closes each without an answer. */
export async function listen(t: Test): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Expected a port');
  return { port: address.port, connections: () => connections };
}
