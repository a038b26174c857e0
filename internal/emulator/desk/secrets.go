package desk

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"cloudpay/internal/bilingual"
	"cloudpay/pkg/paygate"
)

// The emulated merchant. The numbers are from the ranges that WeChat Pay's own documents use in
// examples; no real merchant has them.
const (
	mchID    = "1900000001"
	appID    = "wx0123456789abcdef"
	subMchID = "1900000109"
)

// secrets are the keys of an emulated merchant and gateway. They are made once and kept in the
// folder, so that a function that was configured with them stays configured.
type secrets struct {
	merchant   *paygate.Merchant
	gatewayKey *rsa.PrivateKey
	// certificateKey is that of the gateway's first platform certificate.
	certificateKey *rsa.PrivateKey
	tokens         tokens

	// Paths of PEM files that the merchant's side is configured with.
	// The functions get the paths, not the keys (SCF's limit, see Env).
	privateKeyFile, publicKeyFile string
}

// tokens prove the callers of the emulator's functions.
type tokens struct {
	// Each may hold two values with a space between, while it is rotated.
	ServiceToken string `json:"service_token"`
	HTTPToken    string `json:"http_token"`
	TimerToken   string `json:"timer_token"`
	// EventsKey signs the events of registered orders. A folder of an older version has none.
	EventsKey string `json:"events_key"`
}

// secretsJSON is what secrets.json holds beside the two key files.
type secretsJSON struct {
	tokens

	MchID    string `json:"mchid"`
	AppID    string `json:"appid"`
	SerialNo string `json:"serial"`
	V2Key    string `json:"v2_key"`
	V3Key    string `json:"v3_key"`
}

const (
	secretsFile        = "secrets.json"
	gatewayKeyFile     = "wechatpay_key.pem"
	certificateKeyFile = "certificate_key.pem"
)

// loadSecrets reads dir's keys, or makes them on first use. A folder without secrets.json is a new
// one, whatever other files are in it: create writes it last, so an interrupted create starts over.
func loadSecrets(dir string) (*secrets, error) {
	s := &secrets{
		privateKeyFile: filepath.Join(dir, "apiclient_key.pem"),
		publicKeyFile:  filepath.Join(dir, "pub_key.pem"),
	}
	text, err := os.ReadFile(filepath.Join(dir, secretsFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, s.create(dir)
	case err != nil:
		return nil, bilingual.Errorf("reading the emulator's secrets: %w", "读取模拟器的密钥：%w", err)
	}
	if err := s.read(dir, text); err != nil {
		return nil, damaged(dir, err)
	}
	if err := s.complete(dir); err != nil {
		return nil, err
	}
	return s, s.writePublicKey() // the private key decides which public key is right
}

// complete makes what a folder of an older version lacks.
func (s *secrets) complete(dir string) (err error) {
	if s.certificateKey == nil {
		if s.certificateKey, err = newKey(); err != nil {
			return err
		}
		if err := writeKey(filepath.Join(dir, certificateKeyFile), s.certificateKey); err != nil {
			return err
		}
	}
	if s.tokens.EventsKey != "" {
		return nil
	}
	s.tokens.EventsKey = newEventsKey()
	return s.writeTokens(dir)
}

// newEventsKey makes a key for events as Standard Webhooks writes it.
func newEventsKey() string {
	const length = 32
	secret := make([]byte, length)
	_, _ = rand.Read(secret) // it never fails, as its documentation says
	return "whsec_" + base64.StdEncoding.EncodeToString(secret)
}

func newKey() (*rsa.PrivateKey, error) {
	const bits = 2048
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, bilingual.Errorf("making the emulated gateway's key: %w", "生成模拟网关的密钥：%w", err)
	}
	return key, nil
}

// damaged says what to do about a folder whose secrets cannot be used. They are not made anew
// silently: functions elsewhere may be configured with them.
func damaged(dir string, err error) error {
	return bilingual.Errorf("the emulator's secrets cannot be used (delete %s to have new ones): %w",
		"模拟器的密钥无法使用（删除 %s 即可重新生成）：%w", dir, err)
}

// writePublicKey writes the gateway's public key as the merchant platform hands it out (PKIX).
func (s *secrets) writePublicKey() error {
	public, err := x509.MarshalPKIXPublicKey(&s.gatewayKey.PublicKey)
	if err != nil {
		return bilingual.Errorf("encoding the emulated gateway's public key: %w", "编码模拟网关的公钥：%w", err)
	}
	return writeFile(s.publicKeyFile, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
}

// read takes the tokens and short keys from secrets.json and the long ones from their PEM files. A
// file of an older version without tokens is refused: functions without them would trust no caller.
func (s *secrets) read(dir string, text []byte) error {
	var k secretsJSON
	if err := json.Unmarshal(text, &k); err != nil {
		return fmt.Errorf("%s: %w", secretsFile, err)
	}
	if k.ServiceToken == "" || k.HTTPToken == "" || k.TimerToken == "" {
		return bilingual.Errorf("%s: it has no tokens", "%s：其中没有令牌", secretsFile)
	}
	s.tokens = k.tokens
	private, err := readKey(s.privateKeyFile)
	if err != nil {
		return err
	}
	s.merchant = &paygate.Merchant{
		MchID: k.MchID, AppID: k.AppID, V2Key: k.V2Key, V3Key: k.V3Key, SerialNo: k.SerialNo, PrivateKey: private,
	}
	if s.gatewayKey, err = readKey(filepath.Join(dir, gatewayKeyFile)); err != nil {
		return err
	}
	s.certificateKey, err = readKey(filepath.Join(dir, certificateKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // complete makes it
	}
	return err
}

// create makes all keys and tokens, and writes secrets.json last. A process that dies before that
// leaves key files that the next create overwrites.
func (s *secrets) create(dir string) error {
	if err := s.makeKeys(); err != nil {
		return err
	}
	s.tokens = tokens{ServiceToken: rand.Text(), HTTPToken: rand.Text(), TimerToken: rand.Text(), EventsKey: newEventsKey()}
	for _, write := range []func() error{
		func() error { return writeKey(s.privateKeyFile, s.merchant.PrivateKey) },
		func() error { return writeKey(filepath.Join(dir, gatewayKeyFile), s.gatewayKey) },
		func() error { return writeKey(filepath.Join(dir, certificateKeyFile), s.certificateKey) },
		s.writePublicKey,
		func() error { return s.writeTokens(dir) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// makeKeys makes all RSA keys at once: each takes a tenth of a second, now and then a whole one.
func (s *secrets) makeKeys() error {
	var making errgroup.Group
	// Each start of the emulator verifies with these keys, and each function signs with them.
	making.Go(func() (err error) {
		if s.merchant, err = paygate.NewMerchant(mchID, appID); err != nil {
			return bilingual.Errorf("making an emulated merchant: %w", "生成模拟商户：%w", err)
		}
		return nil
	})
	making.Go(func() (err error) {
		s.gatewayKey, err = newKey()
		return err
	})
	making.Go(func() (err error) {
		s.certificateKey, err = newKey()
		return err
	})
	if err := making.Wait(); err != nil {
		return bilingual.Errorf("making the emulator's keys: %w", "生成模拟器的密钥：%w", err)
	}
	return nil
}

// writeTokens writes secrets.json.
func (s *secrets) writeTokens(dir string) error {
	text, err := json.MarshalIndent(secretsJSON{
		tokens: s.tokens,
		MchID:  s.merchant.MchID, AppID: s.merchant.AppID, SerialNo: s.merchant.SerialNo,
		V2Key: s.merchant.V2Key, V3Key: s.merchant.V3Key,
	}, "", "  ")
	if err != nil {
		return bilingual.Errorf("encoding %s: %w", "编码 %s：%w", secretsFile, err)
	}
	return writeFile(filepath.Join(dir, secretsFile), append(text, '\n'))
}

// readKey reads an RSA key in PKCS #8, as the merchant platform hands one out. The error names the
// file and never quotes it.
func readKey(file string) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, bilingual.Errorf("reading a key: %w", "读取密钥：%w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, bilingual.Errorf("%s is not PEM", "%s 不是 PEM", file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, bilingual.Errorf("%s is not an RSA key", "%s 不是 RSA 密钥", file)
	}
	return key, nil
}

// writeKey writes a key in the form that readKey takes, and the functions too.
func writeKey(file string, key *rsa.PrivateKey) error {
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return bilingual.Errorf("encoding a key: %w", "编码密钥：%w", err)
	}
	return writeFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}))
}
