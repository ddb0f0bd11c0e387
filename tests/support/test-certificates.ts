/**
 * Self-signed certificates for test servers on 127.0.0.1 and localhost, made once:
 * `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -addext subjectAltName=…`.
 * The keys protect nothing.
 */
export const serverCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBpzCCAU2gAwIBAgIUP+DPgJGR4wdiHefHsmY3m6YCdKwwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPcG9ydHdyaWdodC10ZXN0MCAXDTI2MTEyMzIwNTEzM1oYDzIx
MjYxMDMwMjA1MTMzWjAaMRgwFgYDVQQDDA9wb3J0d3JpZ2h0LXRlc3QwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAATzysKEkfkOVJlGhal2av7wNUQnislkOE81nI+B
BspBSGyjOLAAwaXsrgE4o4UE/luQBLjsbT8S0iR0ZXCNcy9uo28wbTAdBgNVHQ4E
FgQUkCcS0kw0MvzMY3vp4riIlcyhX3owHwYDVR0jBBgwFoAUkCcS0kw0MvzMY3vp
4riIlcyhX3owDwYDVR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2Nh
bGhvc3QwCgYIKoZIzj0EAwIDSAAwRQIgCJIiqzo0IxFVfuHlB1G6On2e9yndbhsh
gwDFk4OtPeUCIQCx5nYhtTOCqO611pB09bCV4bHQWXfSKmNp+eF6TN0NDg==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgHcCefzGX2g6yMKMA
wgnji9I+uZTQB49wiefGwLNVOY6hRANCAATzysKEkfkOVJlGhal2av7wNUQnislk
OE81nI+BBspBSGyjOLAAwaXsrgE4o4UE/luQBLjsbT8S0iR0ZXCNcy9u
-----END PRIVATE KEY-----
`,
};

export const expiredCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBcTCCARegAwIBAgIBATAKBggqhkjOPQQDAjAaMRgwFgYDVQQDDA9wb3J0d3Jp
Z2h0LXRlc3QwHhcNMjAwMTAxMDAwMDAwWhcNMjAwMjAxMDAwMDAwWjAaMRgwFgYD
VQQDDA9wb3J0d3JpZ2h0LXRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATo
cLJz5hNFWxg6Zoqwi4qMtcUdFoc6fBjOAmh+BLsirp4fyWi8yi190VgcNxBr01w0
pEtCzLnO4AXbHPZCe3HNo04wTDAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3Qw
DwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUXJKyyAmeqIjtvNbQQokKDfQsrzUw
CgYIKoZIzj0EAwIDSAAwRQIhAKtfUuKNv0VU5G7m1WPcPa4GSuzTaLS2ZjTaXvhf
eNqEAiBWG55hy7iFfIunX/dpu8o2i2cqjOZBU3mpU9O5aWojeA==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgCy90vWsKRbd3tUU0
dFayvrds7XFdDALH/lM1BWJOQa2hRANCAATocLJz5hNFWxg6Zoqwi4qMtcUdFoc6
fBjOAmh+BLsirp4fyWi8yi190VgcNxBr01w0pEtCzLnO4AXbHPZCe3HN
-----END PRIVATE KEY-----
`,
};
