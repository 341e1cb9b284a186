#!/usr/bin/env bash
# Makes the certificates of the TLS tests anew, each with its key in one file: a CA, what it signed, and a stranger.
# int is a CA below that one, without its key; intclient has its certificate. crossed is the CA, signed by the stranger; nameless
# has an empty name.
set -euo pipefail
cd "$(dirname "$0")"

days=36500
san='subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

request() { # name, key options
  openssl req -new -nodes -newkey "${@:2}" -subj "/CN=$1" -keyout "$scratch/$1.key" -out "$scratch/$1.csr"
}

issue() { # name, its issuer, extension
  openssl x509 -req -in "$scratch/$1.csr" -CA "$scratch/$2.crt" -CAkey "$scratch/$2.key" -CAcreateserial \
    -days $days -extfile <(echo "$3") -out "$scratch/$1.crt"
}
sign() { # name, its issuer
  issue "$1" "${2:-ca}" "$san"
  cat "$scratch/$1.key" "$scratch/$1.crt" > "$1.pem"
}

openssl req -x509 -nodes -newkey rsa:2048 -days $days -subj '/CN=ca' -keyout "$scratch/ca.key" -out "$scratch/ca.crt"
cp "$scratch/ca.crt" ca.pem
request rsa rsa:2048
sign rsa
request ec ec -pkeyopt ec_paramgen_curve:prime256v1
sign ec
request client ec -pkeyopt ec_paramgen_curve:prime256v1
sign client
request int ec -pkeyopt ec_paramgen_curve:prime256v1
issue int ca 'basicConstraints=critical,CA:TRUE'
cp "$scratch/int.crt" int.pem
request intclient ec -pkeyopt ec_paramgen_curve:prime256v1
sign intclient int
openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days $days -subj '/CN=stranger' \
  -keyout "$scratch/stranger.key" -out "$scratch/stranger.crt"
cat "$scratch/stranger.key" "$scratch/stranger.crt" > stranger.pem
openssl req -new -key "$scratch/ca.key" -subj /CN=ca -out "$scratch/crossed.csr"
issue crossed stranger 'basicConstraints=critical,CA:TRUE'
cp "$scratch/crossed.crt" crossed.pem
openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days $days -subj / \
  -keyout "$scratch/nameless.key" -out "$scratch/nameless.crt"
cat "$scratch/nameless.key" "$scratch/nameless.crt" > nameless.pem
