/** Makes X.509 certificates for tests (RFC 5280, DER), so that neither keys in the repository nor openssl are needed. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface TestCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly key: KeyObject;
  readonly name: string;
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const oid = (...bytes: readonly number[]) => der(0x06, Buffer.from(bytes));
const octets = (value: Uint8Array) => der(0x04, value);
const time = (value: Date) => der(0x18, Buffer.from(value.toISOString().replaceAll(/[-:T]|\.\d+/g, '')));
const commonName = (name: string) => sequence(der(0x31, sequence(oid(0x55, 4, 3), der(0x0c, Buffer.from(name)))));
const TRUE = Buffer.from([1, 1, 0xff]);
const ECDSA_WITH_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2));

/** Signed by `issuer`, else by itself; an issuer's certificate is a CA. */
export function makeCertificate(options: {
  readonly name: string;
  readonly issuer?: TestCertificate;
  readonly notAfter?: Date;
}): TestCertificate {
  const { name, issuer, notAfter = new Date('2099-01-01') } = options;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const alternativeName = sequence(der(0x82, Buffer.from(name)));
  const constraints = issuer === undefined ? sequence(TRUE) : sequence();
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    commonName(issuer?.name ?? name),
    sequence(time(new Date('2020-01-01')), time(notAfter)),
    commonName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(
      0xa3,
      sequence(
        sequence(oid(0x55, 0x1d, 0x13), TRUE, octets(constraints)),
        sequence(oid(0x55, 0x1d, 0x11), octets(alternativeName)),
      ),
    ),
  );
  const signature = sign('sha256', body, issuer?.key ?? privateKey);
  const certificate = sequence(body, ECDSA_WITH_SHA256, der(0x03, Buffer.from([0]), signature));
  // An empty line before the end would make OpenSSL ignore the certificate.
  const base64 = certificate.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd();
  return {
    certPem: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    keyPem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    key: privateKey,
    name,
  };
}
