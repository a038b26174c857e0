package explaining

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/diagnosis"
	"cloudpay/internal/emulator/deployfile"
	"cloudpay/internal/emulator/desk"
)

// ring is the keys that may be used, and what is said about them.
type ring struct {
	diagnosis.Keys

	// merchants and platform name the keys of either side that there are. They never have a key
	// itself.
	merchants, platform []bilingual.Text
	// faults are the keys that are given and cannot be used.
	faults []bilingual.Text
}

// has adds a key of a merchant that there is, by its name.
func (r *ring) has(en, zh string, values ...any) {
	r.merchants = append(r.merchants, bilingual.Sprintf(en, zh, values...))
}

// addPlatform adds a key of WeChat Pay: name is how it is called, serial what Wechatpay-Serial has
// of it.
func (r *ring) addPlatform(name bilingual.Text, serial string, key *rsa.PublicKey) {
	r.Platform = append(r.Platform, diagnosis.PlatformKey{Serial: serial, Key: key})
	r.platform = append(r.platform, name)
}

// keys collects the keys: of one environment, and of the certificates. The environments are never
// mixed, so that no key of an emulator is tried on a real exchange unnoticed. The certificates come
// last: they stand in for what the environment does not have.
func (c *Command) keys(ctx context.Context) (*ring, error) {
	environ := c.Environ
	r := &ring{}
	switch {
	case c.Emulator != "":
		d, err := desk.Read(c.Emulator)
		if err != nil {
			return nil, err
		}
		environ = d.Environ()
		r.readEmulator(ctx, d.AdminURL)
	case c.EnvFile != "":
		var err error
		if environ, err = readEnvFile(c.EnvFile); err != nil {
			return nil, err
		}
	}
	r.readEnvironment(environ)
	for _, path := range c.Certificates {
		if err := r.readCertificate(path); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// readEnvFile reads NAME=value lines as [deployfile.ReadEnvFile] does for deployments. The error
// quotes no line, since any may hold a secret.
func readEnvFile(path string) ([]string, error) {
	file, err := deployfile.ReadEnvFile(path)
	if err != nil {
		return nil, bilingual.Errorf("--env-file %s: %w", "--env-file %s：%w", path, err)
	}
	environ := make([]string, 0, len(file.Values))
	for name, value := range file.Values {
		environ = append(environ, name+"="+value)
	}
	return environ, nil
}

// The variables that hold keys, or name the merchant that they are of.
var keyVariables = []string{
	"WXPAY_MCHID", "WXPAY_V2_KEY", "WXPAY_SERIAL_NO", "WXPAY_PRIVATE_KEY", "WXPAY_PUBLIC_KEY_ID", "WXPAY_PUBLIC_KEY", "WXPAY_V3_KEY",
}

// readEnvironment takes the keys of a configuration, which may be incomplete: of what is missing
// the answers say what it would be good for. A key that is there and cannot be used is a fault, in
// the configuration's words, which quote no value.
func (r *ring) readEnvironment(environ []string) {
	settings, err := config.Load(environ)
	given := config.Given(environ)
	if faults, is := errors.AsType[*config.Faults](err); is {
		for _, fault := range faults.List {
			name := strings.TrimSuffix(fault.Variable, config.FileSuffix)
			if slices.Contains(keyVariables, name) && slices.Contains(given, fault.Variable) {
				r.faults = append(r.faults, fault.Wording())
			}
		}
	}
	if r.MchID = settings.MchID; r.MchID != "" {
		r.has("merchant %s", "商户 %s", r.MchID)
	}
	r.AppID = settings.AppID
	if r.Serial = settings.V3.SerialNo; r.Serial != "" {
		r.has("serial number %s", "证书序列号 %s", r.Serial)
	}
	if private := config.PrivateKey(settings.V3.PrivateKey.Reveal()); private != nil {
		r.Merchant = &private.PublicKey
		r.has("private key", "商户私钥")
	}
	if r.V2Key = settings.V2.Key.Reveal(); r.V2Key != "" {
		r.has("APIv2 key", "APIv2 密钥")
	}
	if r.V3Key = settings.V3.Key.Reveal(); r.V3Key != "" {
		r.has("APIv3 key", "APIv3 密钥")
	}
	public, id := config.PublicKey(settings.V3.PublicKey), settings.V3.PublicKeyID
	if public != nil && id != "" {
		r.addPlatform(bilingual.Sprintf("public key %s", "公钥 %s", id), id, public)
	}
}

// maxFile bounds a file of keys or of variables.
const maxFile = 256 << 10

// merchantName matches the common name of a merchant's certificate, which is its number.
var merchantName = regexp.MustCompile(`^[0-9]+$`)

// readCertificate takes the certificates of a file, in any form of PEM that a configuration takes.
// The error quotes nothing of the file, which may be a private key, and says where such a key
// belongs.
func (r *ring) readCertificate(path string) error {
	fault := func(en, zh string) error {
		return bilingual.Errorf("--certificate: %s %s", "--certificate：%s %s", path, bilingual.New(en, zh))
	}
	file, err := os.Open(path)
	if err != nil {
		return bilingual.Errorf("--certificate: %w", "--certificate：%w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return bilingual.Errorf("--certificate: %w", "--certificate：%w", err)
	}
	blocks, err := config.DecodePEM(string(text))
	if err != nil {
		return bilingual.Errorf("--certificate: %s %w", "--certificate：%s %w", path, err)
	}
	for _, block := range blocks {
		switch {
		case strings.Contains(block.Type, "PRIVATE"):
			return fault("holds a private key: give it in WXPAY_PRIVATE_KEY", "是私钥：请通过 WXPAY_PRIVATE_KEY 提供")
		case strings.Contains(block.Type, "PUBLIC KEY"):
			return fault("holds a public key: give it in WXPAY_PUBLIC_KEY, and its id in WXPAY_PUBLIC_KEY_ID",
				"是公钥：请通过 WXPAY_PUBLIC_KEY 提供，其 ID 填入 WXPAY_PUBLIC_KEY_ID")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fault("holds a certificate that is damaged", "中的证书已损坏")
		}
		r.addCertificate(certificate)
	}
	return nil
}

// addCertificate takes a certificate for a merchant's if its common name is a number, and else for
// a platform certificate; one of a CA, or of another key than an RSA key, is passed over. The
// merchant's stands in for the private key, whose public half it has. Where there is a private key
// too, that one counts. One of another merchant is a key that may have been mixed up with the own
// one.
func (r *ring) addCertificate(certificate *x509.Certificate) {
	key, isRSA := certificate.PublicKey.(*rsa.PublicKey)
	serial := fmt.Sprintf("%X", certificate.SerialNumber.Bytes())
	name := certificate.Subject.CommonName
	switch {
	case !isRSA || certificate.IsCA:
	case !merchantName.MatchString(name):
		r.addPlatform(bilingual.Sprintf("platform certificate %s", "平台证书 %s", serial), serial, key)
	case r.MchID != "" && r.MchID != name:
		r.Others = append(r.Others, diagnosis.Merchant{MchID: name, Serial: serial, Key: key})
		r.has("the certificate of merchant %s", "商户 %s 的证书", name)
	case r.Merchant != nil && !r.Merchant.Equal(key):
		r.faults = append(r.faults, bilingual.Sprintf("the certificate %s of merchant %s is not that of WXPAY_PRIVATE_KEY, which is used",
			"证书 %s（商户 %s）与 WXPAY_PRIVATE_KEY 不是一对，以后者为准", serial, name))
	default:
		r.MchID, r.Serial, r.Merchant = name, serial, key
		r.has("the certificate %s of merchant %s", "证书 %s（商户 %s）", serial, name)
	}
}

// readEmulator asks an emulator's management API for its platform certificates. Without them the
// public key is left, which the answers say.
func (r *ring) readEmulator(ctx context.Context, adminURL string) {
	const longest = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	var listed []struct {
		PEM string `json:"pem"`
	}
	if err := get(ctx, adminURL+"/certificates", &listed); err != nil {
		r.faults = append(r.faults, bilingual.Sprintf("the emulator's platform certificates are not known: %s", "未取得模拟器的平台证书：%s",
			bilingual.Wording(err)))
	}
	for _, one := range listed {
		block, _ := pem.Decode([]byte(one.PEM))
		if block == nil {
			continue
		}
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			r.addCertificate(certificate)
		}
	}
}

// get reads JSON of at most maxFile bytes from the management API, which serves on loopback. Its
// errors do not have the address.
func get(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return bilingual.Errorf("its address is none", "地址无效")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return bilingual.Errorf("it does not answer", "没有应答")
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(response.Body, maxFile)).Decode(into); err != nil {
		return bilingual.Errorf("it answers something else", "应答不是所需内容")
	}
	return nil
}
