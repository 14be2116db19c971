import { expect } from 'chai';
import { parseDiscoverSpec, readDiscoverSpec } from '../../src/config/discover-spec.ts';
import { MeshError } from '../../src/errors.ts';

function faultOf(text: string) {
  const read = readDiscoverSpec(text);
  if ('spec' in read) throw new Error(`${text} was taken`);
  return read.fault;
}

describe('a spec of discovery', () => {
  it('is a strategy and what it is told, as go-discover has them too', () => {
    const expected = { strategy: 'file', path: '/a', port: 7946 };
    for (const text of ['file path=/a', '  file   path=/a ', 'provider=file path=/a', 'file path="/a" port=7946']) {
      expect(parseDiscoverSpec(text)).to.deep.equal({ ...expected, text });
    }
  });

  it('has values with spaces and quotes', () => {
    expect(parseDiscoverSpec(String.raw`file path="/a b/\"c\"\\d" port=1`)).to.deep.include({ path: String.raw`/a b/"c"\d`, port: 1 });
  });

  it('is refused with what was given, what is expected and the nearest word', () => {
    expect(faultOf('fiel path=/a')).to.deep.equal({ what: 'begins with "fiel"', given: 'fiel', expected: faultOf('').expected, todo: 'did you mean file?' });
    expect(faultOf('')).to.deep.include({ what: 'begins with ""' });
    expect(faultOf('file pth=/a')).to.deep.equal({ what: 'has the unknown key "pth"', given: 'pth', expected: 'for file: path, port', todo: 'did you mean path?' });
    expect(faultOf('file path')).to.deep.equal({ what: 'has "path"', given: 'path', expected: 'key=value' });
    expect(faultOf('file path=')).to.deep.include({ what: 'has path=""', expected: 'a path' });
    expect(faultOf('file port=5')).to.deep.include({ what: 'has no path', expected: 'path=…, a path' });
    expect(faultOf('file path=/a path=/b')).to.deep.include({ what: 'has path twice' });
    expect(faultOf('file path=/a port=70000')).to.deep.include({ what: 'has port="70000"', given: '70000', expected: 'a port from 1 to 65535' });
    expect(faultOf('file path="/a')).to.deep.include({ what: 'has a quote that does not end' });
    expect(faultOf('static peers=10.0.0.256').expected).to.match(/^host or host:port/);
    expect(faultOf('static peers=a:0')).to.deep.include({ given: 'a:0' });
    expect(faultOf('constructor a=b')).to.deep.include({ what: 'begins with "constructor"' });
    expect(faultOf('file constructor=b')).to.deep.include({ what: 'has the unknown key "constructor"' });
    expect(faultOf(`file path=${'a'.repeat(5_000)}`)).to.deep.include({ what: 'has 5010 characters' });
    expect(() => parseDiscoverSpec('x')).to.throw(MeshError, 'the spec begins with "x"');
  });

  it('never says a secret back', () => {
    for (const text of ['file secret=hush path=/a', 'secret=hush', 'file "secret=hush', 'file secret="hush']) {
      expect(JSON.stringify(faultOf(text))).to.not.include('hush');
      expect(faultOf(text).expected).to.include('secret-file=<path>');
    }
  });
});
