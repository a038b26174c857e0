package doctor

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/bilingual"
	"cloudpay/pkg/v3json"
)

// pathCertificates lists the platform certificates, encrypted with the APIv3 key. A merchant that
// has only WeChat Pay's public key gets 404 RESOURCE_NOT_EXISTS.
const pathCertificates = "/v3/certificates"

// There are three kinds of merchants:
//
//   - Those with platform certificates alone. Each is valid for five years, and is downloaded and
//     decrypted with the APIv3 key. WXPAY_V3_KEY is enough for them.
//   - Those with WeChat Pay's public key alone, as those who signed up since October 2024 are. The
//     download answers 404. They need WXPAY_PUBLIC_KEY_ID and WXPAY_PUBLIC_KEY.
//   - Those that are being switched, who have both. Each request names the key that is to sign its
//     answer, so that both configurations work until the certificates end.
//
// The switch is begun in the merchant console, where the functions are not seen. With WXPAY_V3_KEY
// alone they verify nothing more once it is done: each answer is in doubt.

// platformKeys asks which keys WeChat Pay signs with for this merchant: its public key, platform
// certificates until a date, or both while a merchant is switched. It collects the keys that
// verify what comes after.
func (t *selfTest) platformKeys(ctx context.Context) []Finding {
	f := platformKeysCheck.about("")
	held := t.configuredKey()
	if held != nil {
		t.use(*held)
	}
	ctx, cancel := t.limited(ctx, maxSelfTest, 2)
	defer cancel()
	got, err := t.ask(ctx, http.MethodGet, app.Addresses(t.settings)[0], pathCertificates, "")
	switch {
	case err != nil:
		return []Finding{f.skipped(bilingual.New("not asked: no answer from the main address", "未检查：主域名没有应答"))}
	// Public-key mode, in which there are no certificates.
	case got.code == "RESOURCE_NOT_EXISTS":
		return []Finding{t.onlyPublicKey(f, got)}
	// The self-test has the cause.
	case got.HTTPStatus != http.StatusOK:
		return []Finding{f.skipped(bilingual.Sprintf("not told: HTTP %d %s", "未得到：HTTP %d %s", got.HTTPStatus, got.code))}
	// The list is signed like any answer, and the rest needs the APIv3 key.
	case t.settings.V3.Key.Reveal() == "":
		return []Finding{t.listed(f, got)}
	}
	return t.downloaded(f, got, held)
}

// configuredKey is WeChat Pay's public key; nil if none is configured.
func (t *selfTest) configuredKey() *v3json.PlatformKey {
	if t.settings.V3.PublicKey == "" {
		return nil
	}
	key, err := v3json.ParsePublicKey(t.settings.V3.PublicKeyID, []byte(t.settings.V3.PublicKey))
	if err != nil {
		return nil // among the faults
	}
	return &key
}

// use verifies with these keys from now on. The first is asked for.
func (t *selfTest) use(keys ...v3json.PlatformKey) {
	ring, err := v3json.NewKeyring(keys...)
	if err != nil {
		return // two certificates of one serial number, of which the gateway sends none
	}
	t.held, t.keys, t.wanted = keys, ring, ring.Preferred()
}

// onlyPublicKey words a merchant without platform certificates. Without the public key the answer
// cannot be verified, but no certificate can be downloaded either.
func (t *selfTest) onlyPublicKey(f Finding, got answer) Finding {
	switch {
	// The key that signs this answer is the very one that is not configured.
	case t.wanted == "":
		id := whole(publicKeyID, got.Header.Get("Wechatpay-Serial"))
		if id == "" {
			id = "PUB_KEY_ID_…"
		}
		return f.fault(bilingual.New("there is no platform certificate for this merchant (RESOURCE_NOT_EXISTS, not verified): it was"+
			" switched to"+
			" WeChat Pay's public key, without which no reply can be verified",
			"该商户没有平台证书（RESOURCE_NOT_EXISTS，未验签）：它已切换为微信支付公钥，缺少公钥就无法验证应答"), t.publicKeyLines(id))
	// Anything on the way can answer 404.
	case got.verified != nil:
		return f.skipped(bilingual.New("not told: an answer that is not signed says that there is no platform certificate",
			"未得到：未签名的应答称没有平台证书"))
	}
	return f.fine(bilingual.New("this merchant has WeChat Pay's public key alone, which is configured", "该商户只使用微信支付公钥，已配置"))
}

// listed words a list of certificates that cannot be decrypted, for want of the APIv3 key.
func (t *selfTest) listed(f Finding, got answer) Finding {
	if got.verified != nil {
		return t.unverified(f, got)
	}
	return f.fine(bilingual.New("this merchant still has platform certificates besides the public key, which is asked for in each request",
		"该商户除微信支付公钥外仍有平台证书；每次请求均指定使用公钥"))
}

// downloaded decrypts the list of certificates with the APIv3 key, and words their dates. It has a
// fault if the list cannot be decrypted, if it is not signed by one of the certificates in it, or
// if none of them lasts.
func (t *selfTest) downloaded(f Finding, got answer, held *v3json.PlatformKey) []Finding {
	certificates, err := decryptCertificates(got.Body, t.settings.V3.Key.Reveal())
	if err != nil {
		return []Finding{platformKeysCheck.about("WXPAY_V3_KEY").fault(
			bilingual.New("does not decrypt the platform certificates", "无法解密平台证书"),
			bilingual.New("give the APIv3 key as it was set in the merchant console (API security), not the APIv2 key: WXPAY_V3_KEY=…",
				"请填写在商户平台（API 安全）设置的 APIv3 密钥，而不是 APIv2 密钥：WXPAY_V3_KEY=…"))}
	}
	t.useAll(held, certificates)
	if t.verify(got.Reply) != nil {
		return []Finding{t.unverified(f, got)}
	}
	return []Finding{t.validity(f, newestOf(certificates))}
}

// useAll verifies with the configured key, which is asked for first, and the certificates.
func (t *selfTest) useAll(held *v3json.PlatformKey, certificates []*x509.Certificate) {
	var keys []v3json.PlatformKey
	if held != nil {
		keys = append(keys, *held)
	}
	for _, c := range certificates {
		key, err := v3json.ParseCertificate(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
		if err == nil {
			keys = append(keys, key)
		}
	}
	t.use(keys...)
	if held == nil && len(certificates) > 0 {
		t.wanted = serialOf(newestOf(certificates))
	}
}

// newestOf is the certificate that ends last.
func newestOf(certificates []*x509.Certificate) *x509.Certificate {
	newest := certificates[0]
	for _, c := range certificates {
		if c.NotAfter.After(newest.NotAfter) {
			newest = c
		}
	}
	return newest
}

// validity judges until when there is a platform certificate. WeChat Pay adds the next one some
// days before.
func (t *selfTest) validity(f Finding, newest *x509.Certificate) Finding {
	last := newest.NotAfter.Format(dateWithZone)
	const due = 5 * 24 * time.Hour
	switch left := newest.NotAfter.Sub(t.now()); {
	// WeChat Pay lists no certificate that has ended: the clock is ahead.
	case left < 0:
		return f.fault(bilingual.Sprintf("the newest platform certificate expired on %s", "最新的平台证书已于 %s 过期", last),
			bilingual.New("set this machine's clock, or have the merchant switched to WeChat Pay's public key in the merchant console",
				"请校准本机时钟，或在商户平台切换为微信支付公钥"))
	// The next one is listed days before, so that each program can download it.
	case left < due:
		return f.warning(bilingual.Sprintf("the newest platform certificate ends on %s, and there is no next one",
			"最新的平台证书将于 %s 到期，且尚无下一个", last),
			bilingual.New("have the merchant switched to WeChat Pay's public key in the merchant console (API security)",
				"请在商户平台（API 安全）切换为微信支付公钥"))
	}
	return f.fine(bilingual.Sprintf("WXPAY_V3_KEY decrypts the platform certificates, of which the newest is valid until %s",
		"WXPAY_V3_KEY 能解密平台证书，最新的有效期至 %s", last))
}

// decryptCertificates decrypts a list as WeChat Pay encrypts it: AES-256-GCM, the tag behind the
// text (pay.weixin.qq.com doc 4012071382). There is one certificate at least.
func decryptCertificates(body []byte, key string) ([]*x509.Certificate, error) {
	var list struct {
		Data []struct {
			Encrypted struct {
				Nonce          string `json:"nonce"`
				AssociatedData string `json:"associated_data"`
				Ciphertext     string `json:"ciphertext"`
			} `json:"encrypt_certificate"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &list); err != nil || len(list.Data) == 0 {
		return nil, errors.New("the list cannot be read")
	}
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		return nil, errors.New("the key has no length of AES")
	}
	var certificates []*x509.Certificate
	for _, row := range list.Data {
		// Nonces have twelve bytes. Another length is refused by the key, and an empty one panics.
		aead, err := cipher.NewGCMWithNonceSize(block, max(len(row.Encrypted.Nonce), 1))
		if err != nil {
			return nil, errors.New("the nonce cannot be used")
		}
		sealed, err := base64.StdEncoding.DecodeString(row.Encrypted.Ciphertext)
		if err != nil {
			return nil, errors.New("the text is not base64")
		}
		plain, err := aead.Open(nil, []byte(row.Encrypted.Nonce), sealed, []byte(row.Encrypted.AssociatedData))
		if err != nil {
			return nil, errors.New("the key does not decrypt it")
		}
		decoded, _ := pem.Decode(plain)
		if decoded == nil {
			return nil, errors.New("it holds no PEM")
		}
		certificate, err := x509.ParseCertificate(decoded.Bytes)
		if err != nil {
			return nil, errors.New("it holds a damaged certificate")
		}
		certificates = append(certificates, certificate)
	}
	return certificates, nil
}
