import t from 'tap';
import { boundaryOf } from '../../src/multipart/content-type.ts';
import { parseParameters } from '../../src/multipart/part-headers.ts';

t.test('the boundary is found however it is written', async (t) => {
  for (const [header, boundary] of [
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data;BOUNDARY="a b"', 'a b'],
    ['multipart/form-data; charset=utf-8; boundary="----WebKit\'()+_,-./:=?"', "----WebKit'()+_,-./:=?"],
    [`multipart/form-data; boundary=${'x'.repeat(70)}`, 'x'.repeat(70)],
    ['multipart/form-data ; boundary = abc ; charset=utf-8', 'abc'],
    ['multipart/form-data; boundary=*****', '*****'],
    ['multipart/form-data; boundary={3F2504E0-4F89}', '{3F2504E0-4F89}'],
    ['multipart/form-data; boundary=a&b#~|<>@%', 'a&b#~|<>@%'],
    ['multipart/form-data; boundary="a;b,c"', 'a;b,c'],
    [`multipart/form-data; boundary=${'x'.repeat(250)}`, 'x'.repeat(250)],
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
    `multipart/form-data; boundary=${'x'.repeat(251)}`,
  ]) {
    t.equal(boundaryOf(header), undefined, JSON.stringify(header));
  }
});

t.test('parameters are found whatever a client puts into a file name', async (t) => {
  for (const [value, filename] of [
    ['form-data; name="f"; filename="my "best" throw.mp4"', 'my "best" throw.mp4'],
    ['form-data; filename="my "best" throw.mp4"; name="f"', 'my "best" throw.mp4'],
    ['form-data; filename=my throw.mp4 ; name=f', 'my throw.mp4'],
    ['form-data; filename=a;b.mp4; name=f', 'a'],
    ['form-data;filename = "a" ; name = "f"', 'a'],
    ['form-data; filename="a; name=b.mp4"; name="f"', 'a; name=b.mp4'],
    ['form-data; filename="C:\\clips\\v.mp4"; name="f"', 'C:\\clips\\v.mp4'],
    ['form-data; filename=""; ; name="f";', ''],
  ] as const) {
    const parameters = parseParameters(value);
    t.equal(parameters.get('name'), 'f', value);
    t.equal(parameters.get('filename'), filename, value);
  }
});
