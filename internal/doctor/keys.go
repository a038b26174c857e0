package doctor

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/order"
)

const (
	// usualBits is the length of every key of WeChat Pay's, the merchants' and its own.
	usualBits = 2048
	// maxFile limits the file of a certificate.
	maxFile = 64 << 10
	// soon is how long before its end a certificate gets a warning. A new one is applied for in the
	// merchant console.
	soon = 30 * 24 * time.Hour
	// dateWithZone is how dates are shown; a certificate's are UTC's.
	dateWithZone = time.DateOnly + " MST"
)

// checkPrivateKey checks the merchant's private key. A key that cannot be parsed is among the
// configuration's faults instead.
func checkPrivateKey(_ context.Context, e *examination) []Finding {
	key, f := e.privateKey(), privateKeyCheck.about(namePrivateKey)
	if key == nil {
		return nil
	}
	switch bits, public := key.N.BitLen(), e.publicKey(); {
	// Two files of the same folder are easily swapped.
	case public != nil && key.PublicKey.Equal(public) && !e.faults.Has(namePublicKey):
		f = f.fault(bilingual.New("belongs to the key in "+namePublicKey, "与 "+namePublicKey+" 是同一对密钥"),
			bilingual.New("give the merchant's apiclient_key.pem here, and WeChat Pay's pub_key.pem in "+namePublicKey,
				"此处填商户的 apiclient_key.pem，"+namePublicKey+" 填微信支付的 pub_key.pem"))
	// The fault is reported by checkConfiguration.
	case e.faults.Has(namePrivateKey):
		return nil
	// Another length is legal RSA, but WeChat Pay issues no such certificate.
	case bits != usualBits:
		f = f.warning(bilingual.Sprintf("RSA, %d bits", "RSA，%d 位", bits),
			bilingual.New("the keys of merchants' certificates have 2048 bits: see that this is the one beside apiclient_cert.pem",
				"商户API证书的私钥为 2048 位，请确认它与 apiclient_cert.pem 配套"))
	default:
		f = f.fine(bilingual.Sprintf("RSA, %d bits, and not WeChat Pay's", "RSA，%d 位，不是微信支付公钥对应的密钥", bits))
	}
	return []Finding{f}
}

// checkPublicKey shows a fingerprint of WeChat Pay's public key, for comparison with the merchant
// console.
func checkPublicKey(_ context.Context, e *examination) []Finding {
	public := e.publicKey()
	if public == nil || e.faults.Has(namePublicKey) {
		return nil
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil // it was parsed from one
	}
	return []Finding{publicKeyCheck.about(namePublicKey).fine(
		bilingual.Sprintf("RSA, %d bits, %s", "RSA，%d 位，%s", public.N.BitLen(), fingerprint(der)))}
}

// privateKey is the merchant's; nil if there is none that can be parsed.
func (e *examination) privateKey() *rsa.PrivateKey {
	return config.PrivateKey(e.settings.V3.PrivateKey.Reveal())
}

// publicKey is WeChat Pay's; nil if there is none that can be parsed.
func (e *examination) publicKey() *rsa.PublicKey {
	return config.PublicKey(e.settings.V3.PublicKey)
}

// checkCertificate compares the merchant's certificate with the configuration. Calls do not need
// the certificate, but the serial number and the private key must be those of it.
func checkCertificate(_ context.Context, e *examination) []Finding {
	f := certificateCheck.about(e.Certificate)
	if !e.settings.Has(order.V3) {
		return nil
	}
	if e.Certificate == "" {
		f = f.skipped(bilingual.New("not given, so it was not compared with "+nameSerialNo, "未提供，未与 "+nameSerialNo+" 核对"))
		f.Remedy = bilingual.New("--certificate apiclient_cert.pem compares its serial number, its key and its dates",
			"用 --certificate apiclient_cert.pem 核对序列号、密钥与有效期")
		return []Finding{f}
	}
	certificate, err := readCertificate(e.Certificate)
	if err != nil {
		return []Finding{f.fault(bilingual.Wording(err), bilingual.New("give the merchant's apiclient_cert.pem", "请提供商户的 apiclient_cert.pem"))}
	}
	if findings := e.differences(f, certificate); len(findings) > 0 {
		return findings
	}
	return []Finding{f.fine(bilingual.Sprintf("its serial number and its key are the configured ones; valid until %s",
		"序列号与密钥均与配置一致；有效期至 %s", certificate.NotAfter.Format(dateWithZone)))}
}

// merchantName matches the common name of a merchant's certificate, which is its number.
var merchantName = regexp.MustCompile(`^[0-9]+$`)

// differences are those between a merchant's certificate and the configuration, each a fault of f's
// subject. Serial numbers are compared without leading zeros, which tools print or not.
func (e *examination) differences(f Finding, c *x509.Certificate) (found []Finding) {
	name, serial, own := c.Subject.CommonName, serialOf(c), e.privateKey()
	// The platform's certificate has a company's name there.
	if !merchantName.MatchString(name) {
		return []Finding{f.fault(
			bilingual.New("is no merchant's certificate: its common name is no merchant number", "不是商户证书：其 CN 不是商户号"),
			bilingual.New("give the merchant's apiclient_cert.pem; WeChat Pay's platform certificate is not needed here",
				"请提供商户的 apiclient_cert.pem，而不是微信支付平台证书"))}
	}
	if name != e.settings.MchID && !e.faults.Has(nameMchID) {
		found = append(found, f.fault(
			bilingual.Sprintf("was issued to merchant %s, which is not the one in %s", "颁发给商户 %s，与 %s 不一致", clip(name), nameMchID),
			bilingual.New("give the certificate, key and number of one merchant", "证书、私钥与商户号须属于同一商户")))
	}
	if !strings.EqualFold(strings.TrimLeft(serial, "0"), strings.TrimLeft(e.settings.V3.SerialNo, "0")) {
		found = append(found, f.fault(
			bilingual.Sprintf("its serial number is %s, and %s is another", "其序列号为 %s，与 %s 不一致", serial, nameSerialNo),
			bilingual.Sprintf("set %s=%s", "设置 %s=%s", nameSerialNo, serial)))
	}
	// A key that cannot be parsed is a fault of the configuration already.
	if own != nil && !own.PublicKey.Equal(c.PublicKey) {
		found = append(found, f.fault(
			bilingual.Sprintf("its key is not the one in %s", "其密钥与 %s 不是一对", namePrivateKey),
			bilingual.New("give the apiclient_key.pem that came with this certificate", "请使用与该证书一同生成的 apiclient_key.pem")))
	}
	return append(found, e.dates(f, c)...)
}

// dates checks a certificate's period of validity.
func (e *examination) dates(f Finding, c *x509.Certificate) []Finding {
	now, last := e.now(), c.NotAfter.Format(dateWithZone)
	renew := bilingual.New("apply for a new API certificate in the merchant console, and configure its key and serial number",
		"请在商户平台更换 API 证书，并更新私钥与序列号")
	switch {
	case now.After(c.NotAfter):
		return []Finding{f.fault(bilingual.Sprintf("expired on %s", "已于 %s 过期", last), renew)}
	case now.Before(c.NotBefore):
		return []Finding{f.fault(bilingual.Sprintf("is not valid before %s", "在 %s 之前无效", c.NotBefore.Format(dateWithZone)),
			bilingual.New("set this machine's clock", "请校准本机时钟"))}
	case c.NotAfter.Sub(now) < soon:
		return []Finding{f.warning(bilingual.Sprintf("expires on %s", "将于 %s 过期", last), renew)}
	}
	return nil
}

// serialOf is a serial number in the form of WXPAY_SERIAL_NO.
func serialOf(c *x509.Certificate) string { return fmt.Sprintf("%X", c.SerialNumber.Bytes()) }

// readCertificate reads a file with one certificate. Its errors quote nothing of the file, which
// may be a key.
func readCertificate(path string) (*x509.Certificate, error) {
	text, err := readFile(path, maxFile)
	if err != nil {
		return nil, err
	}
	blocks, err := config.DecodePEM(text)
	if err != nil {
		return nil, err
	}
	// A chain has the merchant's own certificate first.
	block := blocks[0]
	switch {
	// Checked first, because a key must not be described any further.
	case strings.Contains(block.Type, "KEY"):
		return nil, bilingual.Errorf("is a key, not a certificate", "是密钥，不是证书")
	case block.Type != "CERTIFICATE":
		return nil, bilingual.Errorf("is PEM, and no certificate", "是 PEM，但不是证书")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, bilingual.Errorf("holds a damaged certificate", "证书已损坏")
	}
	return certificate, nil
}

// errNotRegular is the error for a folder, a pipe or a device.
var errNotRegular = bilingual.Errorf("is no regular file", "不是普通文件")

// readFile reads a regular file of at most so many bytes. The kind is looked at before the file is
// opened, because opening a pipe without a writer never returns.
func readFile(path string, most int64) (string, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return "", errNotRegular
	}
	file, err := os.Open(path)
	if err != nil {
		return "", bilingual.Errorf("cannot be opened: %w", "无法打开：%w", withoutPath(err))
	}
	defer func() { _ = file.Close() }() // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	switch {
	case err != nil:
		return "", bilingual.Errorf("cannot be read: %w", "无法读取：%w", withoutPath(err))
	case int64(len(text)) > most:
		return "", bilingual.Errorf("has more than %d KiB", "超过 %d KiB", most>>10)
	}
	return string(text), nil
}

// withoutPath is the cause of a file's error, because the finding names the path already.
func withoutPath(err error) error {
	if fault, ok := errors.AsType[*os.PathError](err); ok {
		return fault.Err
	}
	return err
}

// clip bounds a certificate's name, which may be any text.
func clip(name string) string {
	const most = 32
	return name[:min(len(name), most)]
}
