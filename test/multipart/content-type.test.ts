import t from 'tap';
import { boundaryOf } from '../../src/multipart/content-type.ts';

t.test('the boundary is found however it is written', async (t) => {
  for (const [header, boundary] of [
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data;BOUNDARY="a b"', 'a b'],
    ['multipart/form-data; charset=utf-8; boundary="----WebKit\'()+_,-./:=?"', "----WebKit'()+_,-./:=?"],
    [`multipart/form-data; boundary=${'x'.repeat(70)}`, 'x'.repeat(70)],
    ['multipart/form-data ; boundary = abc ; charset=utf-8', 'abc'],
  ] as const) {
    t.equal(boundaryOf(header), boundary, header);
  }
});

t.test('a type that is not form data, or has no boundary that could be one, is refused', async (t) => {
  for (const header of [
    '',
    'video/mp4',
    'multipart/mixed; boundary=abc',
    'multipart/form-datax; boundary=abc',
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=""',
    'multipart/form-data; boundary="abc ',
    'multipart/form-data; boundary="abc "',
    'multipart/form-data; boundary="a\r\nb"',
    'multipart/form-data; boundary="a\u00e9"',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
  ]) {
    t.equal(boundaryOf(header), undefined, JSON.stringify(header));
  }
});
