import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSourceResolver } from '../src/source.ts';

const direct = createSourceResolver([]);
const proxied = createSourceResolver(['10.0.0.0/8', '2001:db8:ffff::/48', '192.0.2.1']);

test('an IPv4 peer is its own source', () => {
  assert.equal(direct('192.0.2.7', undefined), '192.0.2.7');
});

test('an IPv4-mapped peer is its IPv4 address, however it is spelled', () => {
  for (const peer of [
    '::ffff:192.0.2.7',
    '::FFFF:192.0.2.7',
    '::ffff:c000:207',
    '0:0:0:0:0:ffff:192.0.2.7',
  ]) {
    assert.equal(direct(peer, undefined), '192.0.2.7');
  }
});

test('IPv6 peers are one source for each /64', () => {
  for (const peer of ['2001:db8:0:5::1', '2001:DB8::5:ffff:0:0:9', '2001:0db8:0000:0005:1:2:3:4']) {
    assert.equal(direct(peer, undefined), '2001:db8:0:5::/64');
  }
  assert.equal(direct('2001:db8:0:6::1', undefined), '2001:db8:0:6::/64');
});

test('the zone of a link-local peer makes no difference', () => {
  for (const peer of ['fe80::1', 'fe80::1%eth0', 'fe80::2%br-lan.7']) {
    assert.equal(direct(peer, undefined), 'fe80:0:0:0::/64');
  }
});

test('a peer without an address is a source too', () => {
  assert.equal(direct('', undefined), '');
  assert.equal(proxied('', '203.0.113.9'), '');
});

test('only a trusted peer is asked whom it forwards for', () => {
  assert.equal(direct('10.0.0.1', '203.0.113.9'), '10.0.0.1');
  assert.equal(proxied('198.51.100.1', '203.0.113.9'), '198.51.100.1');
  assert.equal(proxied('10.0.0.1', undefined), '10.0.0.1');
  for (const peer of ['10.0.0.1', '::ffff:10.9.9.9', '192.0.2.1', '2001:db8:ffff::2']) {
    assert.equal(proxied(peer, '203.0.113.9'), '203.0.113.9');
  }
});

test('the last forwarded address that is not trusted counts, as what stands before it is hearsay', () => {
  assert.equal(proxied('10.0.0.1', '1.1.1.1, 203.0.113.9'), '203.0.113.9');
  assert.equal(proxied('10.0.0.1', 'lies, 203.0.113.9 ,\t10.2.3.4,192.0.2.1'), '203.0.113.9');
  assert.equal(proxied('10.0.0.1', '2001:db8:0:5::1'), '2001:db8:0:5::/64');
  assert.equal(proxied('10.0.0.1', '::ffff:203.0.113.9, ::ffff:10.0.0.2'), '203.0.113.9');
});

test('the peer counts where all forwarded addresses are trusted, or one is unreadable', () => {
  const unreadable = [
    '',
    ' ',
    ',',
    'unknown',
    '_hidden',
    '203.0.113.9:567',
    '[::1]:80',
    '[::1]',
    '203.0.113',
    '010.1.1.1',
    '0x7f.1',
  ];
  for (const forwarded of ['10.0.0.2', '10.0.0.2, 192.0.2.1', ...unreadable]) {
    assert.equal(proxied('10.0.0.1', forwarded), '10.0.0.1', forwarded);
    assert.equal(
      proxied('10.0.0.1', `203.0.113.9, ${forwarded}, 10.0.0.2`),
      forwarded.startsWith('10.') ? '203.0.113.9' : '10.0.0.1',
    );
  }
});

test('a block of mapped addresses trusts the IPv4 addresses in it', () => {
  const resolve = createSourceResolver(['::ffff:10.0.0.0/104']);
  assert.equal(resolve('10.1.2.3', '203.0.113.9'), '203.0.113.9');
  assert.equal(resolve('11.1.2.3', '203.0.113.9'), '11.1.2.3');
});

test('whatever a peer and its header say, there is a source, and a short one', () => {
  const text = fc.oneof(
    fc.string(),
    fc.ipV4(),
    fc.ipV6(),
    fc.array(fc.ipV4()).map((all) => all.join(', ')),
  );
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('10.0.0.1')), text, (peer, forwarded) => {
      assert.match(proxied(peer, forwarded), /^[0-9a-f.:/]{1,24}$/);
    }),
  );
});
