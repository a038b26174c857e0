package main

import (
	"bufio"
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// secrets are the windows to search for.
type secrets struct {
	count  int
	kinds  map[string]bool
	all    finder // in every output
	inLogs finder // in logs and errors besides
}

// privateKey is the only kind that is PEM, of which only a part is secret.
const privateKey = "private-key"

// readSecrets reads the files of DIR/secrets: on each line a kind, a scope and the secret in
// base64.
func readSecrets(dir string) (*secrets, error) {
	files, err := filepath.Glob(filepath.Join(dir, "secrets", "*"))
	if err != nil {
		return nil, err
	}
	s := &secrets{kinds: map[string]bool{}, all: newFinder(), inLogs: newFinder()}
	s.all.add("a private key's first line", "PRIVATE KEY-----", window)
	known := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			if known[lines.Text()] {
				continue
			}
			known[lines.Text()] = true
			if err := s.add(lines.Text()); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return s, nil
}

// add adds the secret of one line.
func (s *secrets) add(line string) error {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return fmt.Errorf("a line has %d words, not a kind, a scope and a secret", len(fields))
	}
	value, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return fmt.Errorf("a secret is not base64: %w", err)
	}
	into := map[string]*finder{"all": &s.all, "logs": &s.inLogs}[fields[1]]
	if into == nil {
		return fmt.Errorf("the scope %q is neither all nor logs", fields[1])
	}
	s.count++
	s.kinds[fields[0]] = true
	if fields[0] == privateKey {
		return into.addKey(fields[0], value)
	}
	into.addText(fields[0], string(value))
	return nil
}

// addText adds a text in each form in which it may be printed.
func (f finder) addText(kind, text string) {
	f.add(kind, text, window)
	f.add(kind+" in Go's escapes", strings.Trim(strconv.QuoteToASCII(text), `"`), window)
	f.add(kind+" in an address", url.QueryEscape(text), window)
	f.add(kind+" in an address", url.PathEscape(text), window)
	inJSON, _ := json.Marshal(text)
	f.add(kind+" in JSON", string(inJSON), window)
	f.add(kind+" in JSON", plainHTML.Replace(string(inJSON)), window)
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(text)) // a Builder returns no errors
	f.add(kind+" in XML", escaped.String(), window)
	f.addBytes(kind, []byte(text))
}

// plainHTML undoes the escapes that json.Encoder.SetEscapeHTML(false) leaves out.
var plainHTML = strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">")

// addBytes adds the forms in which bytes are printed.
func (f finder) addBytes(kind string, value []byte) {
	f.add(kind+" in hexadecimal", hex.EncodeToString(value), window)
	f.addBase64(kind, value)
	numbers := strings.Trim(fmt.Sprintf("%d", value), "[]")
	f.add(kind+" as a list of bytes", numbers, longWindow)
	f.add(kind+" as a list of bytes", strings.ReplaceAll(numbers, " ", ","), longWindow)
}

// addBase64 adds a value at any place in an encoded text: at each of the three offsets within a
// group of three bytes, without the characters that depend on the bytes around the value.
func (f finder) addBase64(kind string, value []byte) {
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for offset := range min(3, len(value)) {
			whole := value[offset : offset+(len(value)-offset)/3*3]
			f.add(kind+" in base64", encoding.EncodeToString(whole), window)
		}
	}
}

// addKey adds the secret part of an RSA key in PEM: in its lines, in its numbers, and in base64 of
// the whole file.
func (f finder) addKey(kind string, text []byte) error {
	block, _ := pem.Decode(text)
	if block == nil {
		return fmt.Errorf("a %s is not PEM", kind)
	}
	secret := block.Bytes
	if key := parse(block.Bytes); key != nil {
		if at := bytes.Index(block.Bytes, key.D.Bytes()); at >= 0 {
			secret = block.Bytes[at:]
		}
		for _, number := range append(key.Primes, key.D) {
			f.add(kind+" in decimal", number.String(), window)
		}
	}
	f.addBytes(kind, secret)

	// The lines of the file: as they are they were found in base64 above, but for an address they
	// are escaped, and in base64 of the file the ends of lines count.
	body := base64.StdEncoding.EncodeToString(block.Bytes)
	secretChars := (len(block.Bytes) - len(secret) + 2) / 3 * 4
	f.add(kind+" in an address", url.QueryEscape(body[secretChars:]), window)
	const lineLength = 64
	first := bytes.Index(text, []byte(body[:min(lineLength, len(body))]))
	if first >= 0 {
		f.addBase64(kind+" file", text[min(len(text), first+secretChars+secretChars/lineLength):])
	}
	return nil
}

// parse returns the key in DER; nil if it is not RSA.
func parse(der []byte) *rsa.PrivateKey {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil
	}
	asRSA, _ := key.(*rsa.PrivateKey)
	return asRSA
}
