package config

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"strings"

	"cloudpay/internal/bilingual"
)

// Types of PEM block. openssl's traditional form marks an encrypted key in a header (RFC 1421
// §4.6.1.1).
const (
	encryptedPrivateKey = "ENCRYPTED PRIVATE KEY"

	// openssl's traditional form says so in a header (RFC 1421 §4.6.1.1).
	procType      = "Proc-Type"
	procEncrypted = "4,ENCRYPTED"
)

// The types of PEM block that a variable accepts, with an empty fault, and those that are often set
// by mistake, with a fault that says so. Other types are refused with the variable's own remedy.
var (
	privateKeyBlocks = map[string]Fault{
		"PRIVATE KEY":     {},
		"RSA PRIVATE KEY": {},
		encryptedPrivateKey: {
			Problem: bilingual.New("is an encrypted private key", "是加密的私钥"),
			Remedy: bilingual.New("decrypt it first: openssl pkey -in KEY -out apiclient_key.pem",
				"请先解密：openssl pkey -in KEY -out apiclient_key.pem"),
		},
		"CERTIFICATE": {
			Problem: bilingual.New("is a certificate, not a private key", "是证书，不是私钥"),
			Remedy: bilingual.New("give apiclient_key.pem, the file beside apiclient_cert.pem",
				"请填 apiclient_key.pem，即与 apiclient_cert.pem 一起的文件"),
		},
		"PUBLIC KEY": {
			Problem: bilingual.New("is a public key, not a private key", "是公钥，不是私钥"),
			Remedy: bilingual.New("give apiclient_key.pem here; pub_key.pem belongs into "+namePublicKey,
				"此处请填 apiclient_key.pem；pub_key.pem 应填入 "+namePublicKey),
		},
		"RSA PUBLIC KEY": {
			Problem: bilingual.New("is a public key, not a private key", "是公钥，不是私钥"),
			Remedy: bilingual.New("give apiclient_key.pem here; pub_key.pem belongs into "+namePublicKey,
				"此处请填 apiclient_key.pem；pub_key.pem 应填入 "+namePublicKey),
		},
	}
	publicKeyBlocks = map[string]Fault{
		"PUBLIC KEY":     {},
		"RSA PUBLIC KEY": {},
		"CERTIFICATE": {
			Problem: bilingual.New("is a certificate, not a public key", "是证书，不是公钥"),
			Remedy:  bilingual.New("give pub_key.pem, WeChat Pay's public key (微信支付公钥)", "请填 pub_key.pem，即微信支付公钥"),
		},
		"PRIVATE KEY":       misplacedPrivateKey,
		"RSA PRIVATE KEY":   misplacedPrivateKey,
		encryptedPrivateKey: misplacedPrivateKey,
	}
	misplacedPrivateKey = Fault{
		Problem: bilingual.New("is a private key, not a public key", "是私钥，不是公钥"),
		Remedy: bilingual.New("give pub_key.pem here; apiclient_key.pem belongs into "+namePrivateKey,
			"此处请填 pub_key.pem；apiclient_key.pem 应填入 "+namePrivateKey),
	}
)

// readPEM returns the first PEM block of value, or of the file at that path. It is encoded anew, so
// that what was checked is what is used.
func readPEM(value string, blocks map[string]Fault) (string, *Fault) {
	text, fault := pemText(value)
	if fault != nil {
		return "", fault
	}
	found, err := DecodePEM(text)
	if err != nil {
		return "", &Fault{Problem: bilingual.Wording(err)}
	}
	block := found[0]
	// A traditional encrypted key has the type of a plain one; its header tells.
	kind := block.Type
	if strings.HasPrefix(block.Headers[procType], procEncrypted) {
		kind = encryptedPrivateKey
	}
	verdict, named := blocks[kind]
	if !named {
		verdict = Fault{Problem: bilingual.New("is PEM of a type that does not belong here", "是不适用于此处的 PEM 类型")}
	}
	if verdict.Problem != (bilingual.Text{}) {
		return "", &verdict
	}
	return string(pem.EncodeToMemory(block)), nil
}

// pemText tells three forms of a value apart: PEM, base64 of PEM, otherwise a path.
func pemText(value string) (string, *Fault) {
	if text, fault := inlinePEM(value); text != "" || fault != nil {
		return text, fault
	}
	text, err := readFile(value)
	return string(text), unreadablePEM(err)
}

// inlinePEM returns the PEM in value itself; "" if there is none, in which case value may be a
// path.
func inlinePEM(value string) (string, *Fault) {
	// Consoles and shells may swallow hyphens: both words together are taken for PEM too, so that
	// the fault is about PEM and not about a missing file.
	if strings.Contains(value, pemStart) || strings.Contains(value, "BEGIN ") && strings.Contains(value, "END ") {
		return value, nil
	}
	digits, _ := base64Digits(value) // empty if value is something else
	plain, err := base64.StdEncoding.DecodeString(digits)
	switch {
	case err == nil && strings.Contains(string(plain), pemStart):
		return string(plain), nil
	case err == nil && isDER(plain):
		return "", &Fault{Problem: bilingual.New("is base64 of a bare key, without the lines BEGIN and END", "是裸密钥的 base64，缺少 BEGIN 与 END 行")}
	}
	return "", nil
}

// isDER reports whether data begins like a key or a certificate in DER: a SEQUENCE with a length of
// one or two more bytes. Such a value is what remains of PEM without its first and last line.
func isDER(data []byte) bool {
	const sequence, oneMore, twoMore = 0x30, 0x81, 0x82
	return len(data) > 1 && data[0] == sequence && (data[1] == oneMore || data[1] == twoMore)
}

// unreadablePEM words the fault of a value that was taken for a path.
func unreadablePEM(err error) *Fault {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTooLong):
		return &Fault{Problem: bilingual.Sprintf("names a file of more than %s, too long for a key", "所指文件超过 %s，不可能是密钥", maxFileText)}
	case errors.Is(err, fs.ErrNotExist):
		return &Fault{Problem: bilingual.New("is neither PEM nor base64 of PEM, and no file is there by that path",
			"既不是 PEM，也不是 PEM 的 base64，且该路径没有文件")}
	case errors.Is(err, fs.ErrPermission):
		return &Fault{Problem: bilingual.New("names a file that may not be read", "所指文件无权读取")}
	default:
		return &Fault{Problem: bilingual.New("is neither PEM nor base64 of PEM, and no file can be read by that path",
			"既不是 PEM，也不是 PEM 的 base64，且该路径的文件无法读取")}
	}
}
