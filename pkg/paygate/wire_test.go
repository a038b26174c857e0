package paygate_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/cause"
	"cloudpay/pkg/paygate"
)

// wireTime is where the wire clock of the tests stands.
func wireTime() time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("UTC+8", 8*60*60))
}

const (
	subMchID = "1900000109"
	userA    = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
)

// session is a gateway and a merchant that talks to it with a signer of its own, right or wrong as
// told.
type session struct {
	*paygate.Server

	t      *testing.T
	client *http.Client
}

func start(t *testing.T, options ...paygate.Options) *session {
	t.Helper()
	var opts paygate.Options
	if len(options) == 1 {
		opts = options[0]
	}
	if opts.Now == nil {
		opts.Now = wireTime
	}
	return dial(t, paygate.RunT(t, opts))
}

func dial(t *testing.T, server *paygate.Server) *session {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &session{Server: server, t: t, client: &http.Client{Transport: transport}}
}

// order adds an unpaid order of 100 fen, changed by the edits.
func (s *session) order(no string, edits ...func(*paygate.Order)) {
	s.t.Helper()
	o := paygate.Order{OutTradeNo: no, Total: 100, OpenID: userA}
	for _, edit := range edits {
		edit(&o)
	}
	s.MustAddOrder(o)
}

// in is the session for a subtest.
func (s *session) in(t *testing.T) *session {
	t.Helper()
	c := *s
	c.t = t
	return &c
}

func inState(state paygate.TradeState) func(*paygate.Order) {
	return func(o *paygate.Order) { o.State = state }
}

func ofSub(o *paygate.Order) { o.SubMchID = subMchID }

// last is the newest request in the history.
func (s *session) last() paygate.Request {
	s.t.Helper()
	requests := s.Requests()
	if len(requests) == 0 {
		s.t.Fatal("the history is empty")
	}
	return requests[len(requests)-1]
}

// wantLast checks the newest request's verdict, and that its reason contains a phrase.
func (s *session) wantLast(verdict string, phrase string) {
	s.t.Helper()
	got := s.last()
	if got.Verdict != verdict || !strings.Contains(got.Reason, phrase) {
		s.t.Errorf("history says %s because %q, want %s because …%s…", got.Verdict, got.Reason, verdict, phrase)
	}
	if _, known := cause.Of(cause.ID(got.Cause)); verdict == "unauthentic" && !known {
		s.t.Errorf("history has the cause %q, want one of the table", got.Cause)
	}
}

// answer is a reply as it came in.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

// exchange sends a request whose request line is exactly method and uri.
func (s *session) exchange(ctx context.Context, method, uri, body string, header http.Header) (answer, error) {
	host := strings.TrimPrefix(s.URL, "http://")
	path, query, _ := strings.Cut(uri, "?")
	req, err := http.NewRequestWithContext(ctx, method, s.URL, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.URL = &url.URL{Scheme: "http", Host: host, Opaque: path, RawQuery: query, ForceQuery: strings.HasSuffix(uri, "?")}
	req.Header = header
	resp, err := s.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	return answer{t: s.t, status: resp.StatusCode, header: resp.Header, body: string(got)}, err
}

func (s *session) mustExchange(method, uri, body string, header http.Header) answer {
	s.t.Helper()
	got, err := s.exchange(s.t.Context(), method, uri, body, header)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, uri, err)
	}
	return got
}

// --- APIv2 ---

// pair is an element of an APIv2 document.
type pair = [2]string

// v2Request is a request to APIv2: the documented one, but for what is set here.
type v2Request struct {
	path     string
	doc      []pair // the elements but sign
	merchant *paygate.Merchant
	signType string
	sign     func(doc []pair, key string) string // nil: as documented
	raw      string                              // the whole body
	method   string
}

// closeV2 is the document of a close.
func (s *session) closeV2(no string, extra ...pair) v2Request {
	m := s.Merchant
	doc := []pair{{"appid", m.AppID}, {"mch_id", m.MchID}, {"out_trade_no", no}, {"nonce_str", "4ca93f17ddf3443ceabf72f26d64fe0e"}}
	return v2Request{path: "/pay/closeorder", doc: append(doc, extra...), merchant: m}
}

// queryV2 is the document of a query by out_trade_no.
func (s *session) queryV2(no string, extra ...pair) v2Request {
	req := s.closeV2(no, extra...)
	req.path = "/pay/orderquery"
	return req
}

// drop leaves elements out.
func (r v2Request) drop(names ...string) v2Request {
	var doc []pair
	for _, p := range r.doc {
		if !slices.Contains(names, p[0]) {
			doc = append(doc, p)
		}
	}
	r.doc = doc
	return r
}

// hmac makes the request an HMAC-SHA256 one.
func (r v2Request) hmac() v2Request {
	r.signType = "HMAC-SHA256"
	r.doc = append(append([]pair{}, r.doc...), pair{"sign_type", "HMAC-SHA256"})
	return r
}

// stringOf is the documented string to sign.
func stringOf(doc []pair, key string) string {
	values := make(map[string]string)
	var names []string
	for _, p := range doc {
		if p[0] != "sign" && p[1] != "" {
			values[p[0]] = p[1]
			names = append(names, p[0])
		}
	}
	sort.Strings(names)
	text := ""
	for _, name := range names {
		text += name + "=" + values[name] + "&"
	}
	return text + "key=" + key
}

func md5Upper(text string) string { return strings.ToUpper(fmt.Sprintf("%x", md5.Sum([]byte(text)))) }

func hmacUpper(text, key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = io.WriteString(mac, text)
	return strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))
}

func signDocumented(doc []pair, key, signType string) string {
	if signType == "HMAC-SHA256" {
		return hmacUpper(stringOf(doc, key), key)
	}
	return md5Upper(stringOf(doc, key))
}

func (r v2Request) body() string {
	if r.raw != "" {
		return r.raw
	}
	sign := signDocumented(r.doc, r.merchant.V2Key, r.signType)
	if r.sign != nil {
		sign = r.sign(r.doc, r.merchant.V2Key)
	}
	text := "<xml>"
	for _, p := range append(append([]pair{}, r.doc...), pair{"sign", sign}) {
		text += "<" + p[0] + ">" + escapeXML(p[1]) + "</" + p[0] + ">"
	}
	return text + "</xml>"
}

func escapeXML(text string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(text))
	return out.String()
}

// v2 sends the request and reads the reply.
func (s *session) v2(r v2Request) v2Answer {
	s.t.Helper()
	method := r.method
	if method == "" {
		method = http.MethodPost
	}
	got := s.mustExchange(method, r.path, r.body(), http.Header{"Content-Type": {"text/xml"}})
	return v2Answer{answer: got, request: r, fields: parseXML(s.t, got.body)}
}

// parseXML reads a flat document in a few lines of its own.
func parseXML(t *testing.T, text string) map[string]string {
	t.Helper()
	fields := make(map[string]string)
	dec := xml.NewDecoder(strings.NewReader(text))
	var stack []string
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return fields
		}
		if err != nil {
			t.Fatalf("reply is not XML: %v\n%s", err, text)
		}
		switch tok := token.(type) {
		case xml.StartElement:
			stack = append(stack, tok.Name.Local)
			if len(stack) == 2 {
				fields[tok.Name.Local] = ""
			}
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) == 2 {
				fields[stack[1]] += string(tok)
			}
		}
	}
}

// v2Answer is an APIv2 reply.
type v2Answer struct {
	answer

	request v2Request
	fields  map[string]string
}

// signed says whether the reply's sign holds, by the request's key and sign type.
func (a v2Answer) signed() bool {
	var doc []pair
	for name, value := range a.fields {
		doc = append(doc, pair{name, value})
	}
	return a.fields["sign"] == signDocumented(doc, a.request.merchant.V2Key, a.request.signType)
}

// want checks elements of a reply that must be signed.
func (a v2Answer) want(pairs ...pair) {
	a.t.Helper()
	if !a.signed() {
		a.t.Errorf("the reply's sign does not hold:\n%s", a.body)
	}
	a.wantFields(pairs...)
}

func (a v2Answer) wantFields(pairs ...pair) {
	a.t.Helper()
	for _, p := range pairs {
		if got, ok := a.fields[p[0]]; got != p[1] || !ok {
			a.t.Errorf("reply: %s is %q, want %q\n%s", p[0], got, p[1], a.body)
		}
	}
}

// wantCode checks a signed result_code FAIL.
func (a v2Answer) wantCode(code string) {
	a.t.Helper()
	a.want(pair{"return_code", "SUCCESS"}, pair{"result_code", "FAIL"}, pair{"err_code", code})
}

// wantFail checks an unsigned return_code FAIL.
func (a v2Answer) wantFail(message string) {
	a.t.Helper()
	a.wantFields(pair{"return_code", "FAIL"}, pair{"return_msg", message})
	if _, there := a.fields["sign"]; there || a.status != http.StatusOK {
		a.t.Errorf("status %d, want 200 and no sign:\n%s", a.status, a.body)
	}
}

// --- APIv3 ---

// v3Request is a request to APIv3: the documented one, but for what is set here.
type v3Request struct {
	method, uri, body string
	mchID, serial     string
	timestamp, nonce  string
	key               *rsa.PrivateKey
	hash              crypto.Hash
	message           func(r v3Request) string      // nil: as documented
	signature         func(standard string) string  // changes the base64
	authorization     func(standard string) string  // changes the header
	header            map[string]string             // sets, or with "" removes
	encode            func(signature []byte) string // nil: standard base64
}

func (s *session) v3Defaults(r v3Request) v3Request {
	m := s.Merchant
	r.mchID = or(r.mchID, m.MchID)
	r.serial = or(r.serial, m.SerialNo)
	r.timestamp = or(r.timestamp, strconv.FormatInt(wireTime().Unix(), 10))
	r.nonce = or(r.nonce, "593BEC0C930BF1AFEB40B4A08C8FB242")
	if r.key == nil {
		r.key = m.PrivateKey
	}
	if r.hash == 0 {
		r.hash = crypto.SHA256
	}
	return r
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// documented is the message that should be signed.
func (r v3Request) documented() string {
	return strings.Join([]string{r.method, r.uri, r.timestamp, r.nonce, r.body, ""}, "\n")
}

func (s *session) sign(r v3Request) string {
	s.t.Helper()
	message := r.documented()
	if r.message != nil {
		message = r.message(r)
	}
	digest := r.hash.New()
	_, _ = io.WriteString(digest, message)
	raw, err := rsa.SignPKCS1v15(rand.Reader, r.key, r.hash, digest.Sum(nil))
	if err != nil {
		s.t.Fatal(err)
	}
	signature := base64.StdEncoding.EncodeToString(raw)
	if r.encode != nil {
		signature = r.encode(raw)
	}
	if r.signature != nil {
		signature = r.signature(signature)
	}
	return signature
}

// headers makes the documented headers and changes them as told.
func (s *session) headers(r v3Request) http.Header {
	s.t.Helper()
	authorization := fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",timestamp="%s",serial_no="%s",signature="%s"`,
		r.mchID, r.nonce, r.timestamp, r.serial, s.sign(r))
	if r.authorization != nil {
		authorization = r.authorization(authorization)
	}
	header := http.Header{
		"Authorization": {authorization}, "Accept": {"application/json"}, "User-Agent": {"paygate_test"},
		"Wechatpay-Serial": {s.PublicKeyID()},
	}
	if r.body != "" {
		header.Set("Content-Type", "application/json")
	}
	for name, value := range r.header {
		if header.Set(name, value); value == "" {
			header.Del(name)
		}
	}
	if header.Get("User-Agent") == "" {
		header["User-Agent"] = []string{""} // keeps net/http from adding its own
	}
	return header
}

// v3 sends the request and reads the reply.
func (s *session) v3(r v3Request) v3Answer {
	s.t.Helper()
	r = s.v3Defaults(r)
	return v3Answer{answer: s.mustExchange(r.method, r.uri, r.body, s.headers(r)), session: s}
}

// tryV3 sends the request where no reply is expected.
func (s *session) tryV3(ctx context.Context, r v3Request) error {
	s.t.Helper()
	r = s.v3Defaults(r)
	_, err := s.exchange(ctx, r.method, r.uri, r.body, s.headers(r))
	return err
}

func (s *session) closeV3(no string) v3Request {
	return v3Request{
		method: http.MethodPost, uri: "/v3/pay/transactions/out-trade-no/" + no + "/close",
		body: `{"mchid":"` + s.Merchant.MchID + `"}`,
	}
}

func (s *session) queryV3(no string) v3Request {
	return v3Request{method: http.MethodGet, uri: "/v3/pay/transactions/out-trade-no/" + no + "?mchid=" + s.Merchant.MchID}
}

func (s *session) closeSubV3(no string) v3Request {
	return v3Request{
		method: http.MethodPost, uri: "/v3/pay/partner/transactions/out-trade-no/" + no + "/close",
		body: `{"sp_mchid":"` + s.Merchant.MchID + `","sub_mchid":"` + subMchID + `"}`,
	}
}

func (s *session) querySubV3(no string) v3Request {
	return v3Request{
		method: http.MethodGet,
		uri:    "/v3/pay/partner/transactions/out-trade-no/" + no + "?sp_mchid=" + s.Merchant.MchID + "&sub_mchid=" + subMchID,
	}
}

// v3Answer is an APIv3 reply.
type v3Answer struct {
	answer

	session *session
}

// signature says whose signature holds over the reply: the public key's id, the certificate's
// serial, "none" when the reply has no signature headers at all, or what is wrong.
func (a v3Answer) signature() string {
	names := []string{"Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial", "Wechatpay-Signature-Type"}
	there := 0
	for _, name := range names {
		if a.header.Get(name) != "" {
			there++
		}
	}
	switch there {
	case 0:
		return "none"
	case len(names):
	default:
		return fmt.Sprintf("%d of %d headers", there, len(names))
	}
	var key *rsa.PublicKey
	serial := a.header.Get("Wechatpay-Serial")
	switch serial {
	case a.session.PublicKeyID():
		key = a.session.PublicKey()
	case a.session.CertificateSerial():
		key = certificateKey(a.t, a.session.Gateway)
	default:
		return "unknown serial " + serial
	}
	signature, err := base64.StdEncoding.DecodeString(a.header.Get("Wechatpay-Signature"))
	if err != nil {
		return "not base64"
	}
	message := a.header.Get("Wechatpay-Timestamp") + "\n" + a.header.Get("Wechatpay-Nonce") + "\n" + a.body + "\n"
	digest := sha256.Sum256([]byte(message))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) != nil {
		return "bad signature"
	}
	return serial
}

// want checks the status of a reply that must be signed with the public key.
func (a v3Answer) want(status int) v3Answer {
	a.t.Helper()
	if a.status != status {
		a.t.Errorf("status %d, want %d: %s", a.status, status, a.body)
	}
	if got := a.signature(); got != a.session.PublicKeyID() {
		a.t.Errorf("the reply is signed by %q, want %q", got, a.session.PublicKeyID())
	}
	return a
}

// wantCode checks a signed error.
func (a v3Answer) wantCode(status int, code string) v3Answer {
	a.t.Helper()
	a.want(status)
	if got := a.json()["code"]; got != code {
		a.t.Errorf("code %v, want %s: %s", got, code, a.body)
	}
	return a
}

// wantUnsigned checks an error that is not signed.
func (a v3Answer) wantUnsigned(status int) v3Answer {
	a.t.Helper()
	if got := a.signature(); a.status != status || got != "none" {
		a.t.Errorf("status %d signed by %s, want %d signed by none: %s", a.status, got, status, a.body)
	}
	return a
}

func (a answer) json() map[string]any {
	a.t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(a.body), &object); err != nil {
		a.t.Fatalf("reply is not a JSON object: %v\n%s", err, a.body)
	}
	return object
}

// wantJSON checks the reply's members at dotted paths; nil means absent.
func (a answer) wantJSON(members map[string]any) {
	a.t.Helper()
	object := a.json()
	for path, want := range members {
		var got any = object
		for name := range strings.SplitSeq(path, ".") {
			inner, _ := got.(map[string]any)
			got = inner[name]
		}
		if got != want {
			a.t.Errorf("reply: %s is %v, want %v\n%s", path, got, want, a.body)
		}
	}
}
