/**
 * Why there are no credentials. The message says what is wrong, where, and what to do; it never holds a secret, nor a
 * line of the file.
 *
 * - `kubeconfig-missing`, `kubeconfig-unreadable`, `kubeconfig-malformed`: the file.
 * - `field-unusable`: what the kubeconfig asks for in one of its fields is not done here.
 * - `no-current-context`, `context-missing`, `cluster-missing`, `user-missing`: what the file says.
 * - `file-unreadable`: a certificate, key or token file that the kubeconfig names.
 * - `certificate-expired`, `certificate-malformed`: the client certificate.
 * - `exec-plugin-failed`: the command that makes credentials.
 * - `proxy-unusable`: the proxy that the kubeconfig or the environment names.
 * - `auth-provider-failed`: an OIDC or cloud provider's credentials.
 */
export type CredentialErrorCode =
  | 'kubeconfig-missing'
  | 'kubeconfig-unreadable'
  | 'kubeconfig-malformed'
  | 'field-unusable'
  | 'no-current-context'
  | 'context-missing'
  | 'cluster-missing'
  | 'user-missing'
  | 'file-unreadable'
  | 'certificate-expired'
  | 'certificate-malformed'
  | 'exec-plugin-failed'
  | 'proxy-unusable'
  | 'auth-provider-failed';

export class CredentialError extends Error {
  readonly code: CredentialErrorCode;

  constructor(code: CredentialErrorCode, message: string) {
    super(message);
    this.name = 'CredentialError';
    this.code = code;
  }
}

/** The system's error code, such as `ENOENT`; '' for other errors. */
export function systemCodeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
