package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/wechatpay"
	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

const (
	// pathEcho is WeChat Pay's own test of signatures, which touches no order and no appid
	// (pay.weixin.qq.com doc v3/merchant 4014551946).
	pathEcho = "/v3/security/echo"
	// maxSelfTest limits the self-tests together with the download of certificates before them,
	// which may take half of it.
	maxSelfTest = 5 * time.Second
	// maxAnswer limits what is read of an answer. A list of certificates has some thousand bytes.
	maxAnswer = 256 << 10
)

// The self-test is one exchange, of which each half proves something:
//
//	POST /v3/security/echo
//	Authorization: WECHATPAY2-SHA256-RSA2048 mchid="…",…,signature="…"
//	Wechatpay-Serial: PUB_KEY_ID_0119000000012026112900000000000001
//
//	{"echo_message":"cloudpay doctor …"}
//
//	200 {"echo_message":"cloudpay doctor …"}
//
// WeChat Pay answers 200 only if the merchant's number, private key and serial number belong
// together, and this machine's clock is right. Its answer is signed by the key that
// Wechatpay-Serial names, so that a signature that verifies proves WXPAY_PUBLIC_KEY_ID and
// WXPAY_PUBLIC_KEY, or the certificate of that serial number. The text is new each time: an answer
// that was kept somewhere on the way repeats another one.
//
// What is not proved: that the merchant may use a product, and which appid is bound to it.

// checkSelfTest asks which keys WeChat Pay signs with for this merchant, and then for its test of
// signatures at each of its addresses. A query is sent to the first address that answers alone.
func checkSelfTest(ctx context.Context, e *examination) []Finding {
	f := selfTestCheck.about("")
	switch why := e.silence(); {
	// The private link has no keys, and so no test of them.
	case e.settings.API == order.WXCloudRun && !e.settings.Has(order.V3):
		return nil
	case why != (bilingual.Text{}):
		return []Finding{f.skipped(why)}
	case !e.settings.Has(order.V3):
		return []Finding{f.skipped(bilingual.New("not asked: it is of APIv3, whose keys are not given", "未检查：自检属于 APIv3，而未配置其密钥"))}
	case e.settings.Region != order.Mainland:
		return []Finding{f.skipped(bilingual.New("not asked: it is documented for mainland merchants alone", "未检查：文档仅说明境内商户可用"))}
	}
	key, err := v3json.ParseKey(e.settings.V3.SerialNo, []byte(e.settings.V3.PrivateKey.Reveal()))
	if err != nil {
		return nil // among the faults, so that silence has a reason
	}
	t := &selfTest{examination: e, key: key, client: wechatpay.NewHTTPClient()}
	defer t.client.CloseIdleConnections()
	ctx, cancel := t.limited(ctx, maxSelfTest, 1)
	defer cancel()
	findings := t.platformKeys(ctx)
	addresses := group{}
	for _, address := range app.Addresses(e.settings) {
		addresses = append(addresses, func(ctx context.Context, _ *examination) []Finding { return t.at(ctx, address) })
	}
	return append(findings, addresses.findings(ctx, e)...)
}

// selfTest is what the requests to WeChat Pay share.
type selfTest struct {
	*examination

	key    v3json.Key
	client *http.Client
	// held are the keys of keys, which shows none of them.
	held []v3json.PlatformKey
	// keys verify replies: the configured public key and the certificates that were downloaded.
	keys v3json.Keyring
	// wanted is the id of the key that the reply is to be signed with; empty if none is held.
	wanted string
}

// answer is a signed request's answer.
type answer struct {
	*wire.Reply

	// verified is nil if the answer is signed by one of the keys, and else says why not.
	verified error
	// code is the error code in its body, if it has the form of one.
	code string
}

// ask sends a signed request and verifies the answer. The error is non-nil only if no answer came,
// or one that is longer than maxAnswer. A refusal and an answer that cannot be verified are
// answers: the caller decides what they prove. The request is signed here, and not by v3json's
// client, which closes and queries orders and nothing else.
func (t *selfTest) ask(ctx context.Context, method, address, path, body string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, address+path, strings.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("making the request: %w", err)
	}
	timestamp, nonce := strconv.FormatInt(t.now().Unix(), 10), wire.NewNonce()
	// The address may have a path of its own, which is signed too.
	signature, err := t.key.Sign(strings.Join([]string{method, request.URL.RequestURI(), timestamp, nonce, body, ""}, "\n"))
	if err != nil {
		return answer{}, fmt.Errorf("signing: %w", err)
	}
	request.Header.Set("Authorization", `WECHATPAY2-SHA256-RSA2048 mchid="`+t.settings.MchID+`",nonce_str="`+nonce+
		`",timestamp="`+timestamp+`",serial_no="`+t.key.Serial()+`",signature="`+signature+`"`)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", userAgent)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if t.wanted != "" {
		request.Header.Set("Wechatpay-Serial", t.wanted)
	}
	reply, err := wire.Exchange(t.client, request, maxAnswer)
	if err != nil {
		return answer{}, fmt.Errorf("asking: %w", err)
	}
	return answer{Reply: reply, verified: t.verify(reply), code: codeOf(reply.Body)}, nil
}

// verify returns nil if a reply is signed by one of the keys, and its time is this machine's.
func (t *selfTest) verify(r *wire.Reply) error {
	if t.wanted == "" {
		return bilingual.Errorf("no key of WeChat Pay's is held", "没有微信支付的密钥")
	}
	timestamp, nonce := r.Header.Get("Wechatpay-Timestamp"), r.Header.Get("Wechatpay-Nonce")
	message := timestamp + "\n" + nonce + "\n" + string(r.Body) + "\n"
	if err := t.keys.Verify(r.Header.Get("Wechatpay-Serial"), message, r.Header.Get("Wechatpay-Signature")); err != nil {
		return fmt.Errorf("verifying the answer: %w", err)
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || t.now().Sub(time.Unix(seconds, 0)).Abs() > wrongSkew {
		return bilingual.Errorf("it was signed at another time", "应答的签名时间不符")
	}
	return nil
}

// codeForm is the form of WeChat Pay's error codes.
var codeForm = regexp.MustCompile(`^[A-Z0-9_]{1,40}$`)

// codeOf is the error code in a body; empty if there is none of that form.
func codeOf(body []byte) string {
	var refusal struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(body, &refusal) != nil || !codeForm.MatchString(refusal.Code) {
		return ""
	}
	return refusal.Code
}

// at makes the self-test at one address.
func (t *selfTest) at(ctx context.Context, address string) []Finding {
	f := selfTestCheck.about(address)
	if t.wanted == "" {
		return []Finding{f.skipped(bilingual.New("not asked: no key of WeChat Pay's is held, so that no answer could be verified",
			"未检查：没有微信支付的密钥，无法验证应答"))}
	}
	text := "cloudpay doctor " + wire.NewNonce()
	got, err := t.ask(ctx, http.MethodPost, address, pathEcho, `{"echo_message":"`+text+`"}`)
	if err != nil {
		// checkNetwork has said whether that matters.
		return []Finding{f.skipped(bilingual.New("not asked: no answer from this address", "未检查：该地址没有应答"))}
	}
	var echo struct {
		Message string `json:"echo_message"`
	}
	_ = json.Unmarshal(got.Body, &echo) // another body has no such text
	switch {
	// A proxy or an emulator that does not play it: nothing is proved either way.
	case got.HTTPStatus == http.StatusNotFound && got.code == "":
		return []Finding{f.skipped(bilingual.New("not known there (HTTP 404)", "该地址不支持自检（HTTP 404）"))}
	// A refusal has a cause of its own, signed or not.
	case got.HTTPStatus != http.StatusOK:
		return []Finding{t.refused(f, got)}
	// An answer that is not authenticated proves nothing, whatever it says.
	case got.verified != nil:
		return []Finding{t.unverified(f, got)}
	// The signature covers body, time and nonce, and nothing of the request.
	case echo.Message != text:
		return []Finding{f.fault(bilingual.New("a signed answer repeats another text: it is the answer to another request",
			"带签名的应答内容不符：它属于另一个请求"),
			bilingual.New("look for a cache or a proxy on the way that sends answers again", "请检查途中会重发应答的缓存或代理"))}
	}
	return []Finding{f.fine(bilingual.Sprintf("both signatures are right: the merchant's, and WeChat Pay's by %s",
		"双方签名均正确：商户签名，以及微信支付以 %s 的签名",
		got.Header.Get("Wechatpay-Serial")))}
}

// refused words a refusal, by its status: the codes of one status have one cause here, since the
// request has no order, no appid and no amount that could be wrong. A refusal that is not signed
// proves nothing but that something refuses.
func (t *selfTest) refused(f Finding, got answer) Finding {
	found := bilingual.Sprintf("refuses the self-test: HTTP %d %s", "拒绝自检：HTTP %d %s", got.HTTPStatus, got.code)
	if got.verified != nil {
		found = bilingual.Sprintf("%s (not signed)", "%s（未签名）", found)
	}
	switch got.HTTPStatus {
	// SIGN_ERROR: the key, its serial number, the merchant or the clock.
	case http.StatusUnauthorized:
		return f.fault(found, t.remedy(order.V3, errcode.SignError))
	// NO_AUTH.
	case http.StatusForbidden:
		return f.fault(found, t.remedy(order.V3, errcode.NoAuth))
	// The header Wechatpay-Serial names a key that WeChat Pay does not know, or is missing there.
	case http.StatusBadRequest:
		return f.warning(found, bilingual.New("see that WXPAY_PUBLIC_KEY_ID is the merchant console's, to the letter, and that no"+
			" proxy on the way drops headers",
			"请核对 WXPAY_PUBLIC_KEY_ID 与商户平台完全一致，并检查途中的代理是否丢弃请求头"))
	}
	return f.warning(found, lookForProxy)
}

// unverified words an answer that no key verifies: what it says of its signature, and behind that
// the cause, where the answer proves one.
func (t *selfTest) unverified(f Finding, got answer) Finding {
	return t.withCause(t.mistrusted(f, got), got)
}

// mistrusted words an answer that no key verifies, by the key that it names. Which key signs is
// WeChat Pay's choice if the requested one is not the merchant's.
func (t *selfTest) mistrusted(f Finding, got answer) Finding {
	serial := got.Header.Get("Wechatpay-Serial")
	switch {
	// A proxy has dropped the headers, or answers itself.
	case serial == "":
		return f.fault(bilingual.New("its answer is not signed", "应答没有签名"), t.remedy(order.V3, errcode.UnsignedReply))
	// The merchant has another public key than the configured one, or was switched to one.
	case serial != t.wanted && publicKeyID.MatchString(serial):
		return f.fault(bilingual.Sprintf("its answer is signed by the public key %s, and another was asked for",
			"应答由公钥 %s 签名，与请求的不同", serial),
			t.publicKeyLines(serial))
	// A platform certificate signs, although the public key was asked for.
	case serial != t.wanted:
		return f.fault(bilingual.New("its answer is signed by a key that is not held",
			"应答由未持有的密钥签名"), t.remedy(order.V3, errcode.UnknownSerial))
	// Sent on purpose, to see that merchants verify (pay.weixin.qq.com doc 4013053249).
	case strings.HasPrefix(got.Header.Get("Wechatpay-Signature"), "WECHATPAY/SIGNTEST/"):
		return f.warning(bilingual.New("its answer is WeChat Pay's test that wrong signatures are refused", "应答是微信支付的签名探测流量"), tryAgainLater)
	}
	return f.fault(bilingual.Sprintf("its answer names the key %s, and is not signed by the one that is held under that name",
		"应答声称由密钥 %s 签名，但以持有的同名密钥验签失败", t.wanted), t.remedy(order.V3, errcode.BadSignature))
}

var tryAgainLater = bilingual.New("run doctor again", "请再次运行 doctor")

// publicKeyLines are the lines of a merchant that was switched to the public key.
func (t *selfTest) publicKeyLines(id string) bilingual.Text {
	return bilingual.Sprintf("download the public key from the merchant console (API security), and set WXPAY_PUBLIC_KEY_ID=%s and"+
		" WXPAY_PUBLIC_KEY=pub_key.pem",
		"请在商户平台（API 安全）下载微信支付公钥，并设置 WXPAY_PUBLIC_KEY_ID=%s 与 WXPAY_PUBLIC_KEY=pub_key.pem", id)
}
