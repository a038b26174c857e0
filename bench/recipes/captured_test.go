package recipes_test

import (
	"bufio"
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-pay/gopay"
	"github.com/go-pay/gopay/wechat"
	wechatv3 "github.com/go-pay/gopay/wechat/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	partnernative "github.com/wechatpay-apiv3/wechatpay-go/services/partnerpayments/native"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"

	"cloudpay/internal/diagnosis/mutants"
	"cloudpay/pkg/paygate"
)

const (
	captured    = "../../internal/diagnosis/mutants/testdata/captured/"
	description = "茶 <大> & 杯/热"
	attach      = "附加 <&>"
	notifyURL   = "https://shop.example/notify"
	v2Nonce     = "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"
)

// The SDKs send today what is kept of them in testdata of package mutants, but for what is new in
// each request: nonce, time, signature, versions. With CLOUDPAY_CAPTURE=1 it is written anew.
func TestCaptured(t *testing.T) {
	g := newCapturing(t)
	for _, sdk := range []struct {
		name string
		send func(*capturing, *testing.T)
	}{
		{"wechatpay-go", (*capturing).wechatpayGo},
		{"gopay", (*capturing).gopayV3},
		{"gopay-v2", (*capturing).gopayV2},
		{"wechatpay-axios-plugin", (*capturing).axios},
		{"paygate", (*capturing).notifications},
	} {
		t.Run(sdk.name, func(t *testing.T) {
			g.recorder.reset()
			sdk.send(g, t)
			g.recorder.compare(t, sdk.name)
		})
	}
}

// capturing is an emulated gateway with the keys of package mutants, and what is recorded before it.
type capturing struct {
	*paygate.Server

	world    *mutants.World
	recorder *recorder
	// transaction is the transaction id of an order that was paid.
	transaction string
}

func newCapturing(t *testing.T) *capturing {
	t.Helper()
	world, err := mutants.NewWorld()
	if err != nil {
		t.Fatal(err)
	}
	gate := paygate.RunT(t, paygate.Options{
		Merchants: []*paygate.Merchant{{
			MchID: world.MchID, AppID: world.AppID, V2Key: world.V2Key, V3Key: world.V3Key, SerialNo: world.Serial,
			PrivateKey: world.Key, SubMchIDs: []string{world.SubMchID},
		}},
		PlatformKey: world.PublicKey.Key, PublicKeyID: world.PublicKey.Serial, CertificateKey: world.Certificate.Key,
	})
	g := &capturing{Server: gate, world: world, recorder: newRecorder(t, gate.URL)}
	gate.MustAddOrder(paygate.Order{MchID: world.MchID, OutTradeNo: "PAID-1", Total: 100, OpenID: "oABC", Attach: attach})
	gate.MustPay("PAID-1")
	g.transaction = gate.MustOrder("PAID-1").TransactionID
	for _, number := range []string{"WG-partner", "GP-partner", "AX-partner", "GP2P-MD5", "GP2P-HMAC", "AX2P-MD5", "AX2P-HMAC"} {
		gate.MustAddOrder(paygate.Order{MchID: world.MchID, SubMchID: world.SubMchID, OutTradeNo: number, Total: 100, Attach: attach})
	}
	return g
}

// must ends the test for an error of a call.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (g *capturing) wechatpayGo(t *testing.T) {
	t.Helper()
	w := g.world
	gateway, err := url.Parse(g.recorder.URL)
	must(t, err)
	client, err := core.NewClient(t.Context(),
		option.WithWechatPayPublicKeyAuthCipher(w.MchID, w.Serial, w.Key, w.PublicKey.Serial, &w.PublicKey.Key.PublicKey),
		option.WithHTTPClient(&http.Client{Transport: toGateway{gateway}}))
	must(t, err)
	codes, mini := native.NativeApiService{Client: client}, jsapi.JsapiApiService{Client: client}
	_, _, err = codes.Prepay(t.Context(), native.PrepayRequest{
		Appid: &w.AppID, Mchid: &w.MchID, Description: new(description), OutTradeNo: new("WG|native*1"), Attach: new(attach),
		NotifyUrl: new(notifyURL), Amount: &native.Amount{Total: new(int64(100)), Currency: new("CNY")},
	})
	must(t, err)
	_, _, err = mini.Prepay(t.Context(), jsapi.PrepayRequest{
		Appid: &w.AppID, Mchid: &w.MchID, Description: new(description), OutTradeNo: new("WG|jsapi*1"), Attach: new(attach),
		NotifyUrl: new(notifyURL), Amount: &jsapi.Amount{Total: new(int64(100))}, Payer: &jsapi.Payer{Openid: new("oABC")},
	})
	must(t, err)
	_, _, err = codes.QueryOrderByOutTradeNo(t.Context(), native.QueryOrderByOutTradeNoRequest{
		OutTradeNo: new("WG|native*1"), Mchid: &w.MchID,
	})
	must(t, err)
	_, err = codes.CloseOrder(t.Context(), native.CloseOrderRequest{OutTradeNo: new("WG|native*1"), Mchid: &w.MchID})
	must(t, err)
	_, _, err = codes.QueryOrderById(t.Context(), native.QueryOrderByIdRequest{TransactionId: &g.transaction, Mchid: &w.MchID})
	must(t, err)
	certificate, err := utils.LoadCertificate(string(g.CertificatePEM()))
	must(t, err)
	byCertificate, err := core.NewClient(t.Context(), option.WithHTTPClient(&http.Client{Transport: toGateway{gateway}}),
		option.WithWechatPayAuthCipher(w.MchID, w.Serial, w.Key, []*x509.Certificate{certificate}))
	must(t, err)
	older := native.NativeApiService{Client: byCertificate}
	for _, id := range []string{g.transaction, g.transaction} {
		_, _, err = older.QueryOrderById(t.Context(), native.QueryOrderByIdRequest{TransactionId: &id, Mchid: &w.MchID})
		must(t, err)
	}
	partner := partnernative.NativeApiService{Client: client}
	_, _, err = partner.QueryOrderByOutTradeNo(t.Context(), partnernative.QueryOrderByOutTradeNoRequest{
		OutTradeNo: new("WG-partner"), SpMchid: &w.MchID, SubMchid: &w.SubMchID,
	})
	must(t, err)
	_, err = partner.CloseOrder(t.Context(), partnernative.CloseOrderRequest{
		OutTradeNo: new("WG-partner"), SpMchid: &w.MchID, SubMchid: &w.SubMchID,
	})
	must(t, err)
	_, _, err = codes.QueryOrderByOutTradeNo(t.Context(), native.QueryOrderByOutTradeNoRequest{
		OutTradeNo: new("WG-unknown"), Mchid: &w.MchID,
	})
	if err == nil {
		t.Error("there is an order WG-unknown")
	}
}

// toGateway sends to the recorder what the SDK sends to an address that is a constant of it.
type toGateway struct{ url *url.URL }

func (g toGateway) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = g.url.Scheme, g.url.Host, ""
	return http.DefaultTransport.RoundTrip(r)
}

func (g *capturing) gopayV3(t *testing.T) {
	t.Helper()
	w := g.world
	client, err := wechatv3.NewClientV3(w.MchID, w.Serial, w.V3Key, string(privatePEM(t, w.Key)))
	must(t, err)
	client.SetProxyHost(g.recorder.URL)
	must(t, client.AutoVerifySignByPublicKey(publicPEM(t, w.PublicKey.Key), w.PublicKey.Serial))
	order := func(number string) gopay.BodyMap {
		return gopay.BodyMap{
			"appid": w.AppID, "mchid": w.MchID, "description": description, "out_trade_no": number, "attach": attach,
			"notify_url": notifyURL, "amount": gopay.BodyMap{"total": 100, "currency": "CNY"},
		}
	}
	_, err = client.V3TransactionNative(t.Context(), order("GP-native_1"))
	must(t, err)
	_, err = client.V3TransactionJsapi(t.Context(), order("GP-jsapi_1").Set("payer", gopay.BodyMap{"openid": "oABC"}))
	must(t, err)
	_, err = client.V3TransactionQueryOrder(t.Context(), wechatv3.OutTradeNo, "GP-native_1")
	must(t, err)
	_, err = client.V3TransactionCloseOrder(t.Context(), "GP-native_1")
	must(t, err)
	_, err = client.V3TransactionQueryOrder(t.Context(), wechatv3.TransactionId, g.transaction)
	must(t, err)
	partner := gopay.BodyMap{"sp_mchid": w.MchID, "sub_mchid": w.SubMchID}
	_, err = client.V3PartnerQueryOrder(t.Context(), wechatv3.OutTradeNo, "GP-partner", partner)
	must(t, err)
	_, err = client.V3PartnerCloseOrder(t.Context(), "GP-partner", partner)
	must(t, err)
	_, err = client.V3TransactionQueryOrder(t.Context(), wechatv3.OutTradeNo, "GP-unknown")
	must(t, err)
}

func (g *capturing) gopayV2(t *testing.T) {
	t.Helper()
	w := g.world
	client := wechat.NewClient(w.AppID, w.MchID, w.V2Key, true)
	client.BaseURL = g.recorder.URL
	for _, signType := range []string{wechat.SignType_MD5, wechat.SignType_HMAC_SHA256} {
		name, _, _ := strings.Cut(signType, "-")
		ask := func(more ...string) gopay.BodyMap {
			bm := gopay.BodyMap{"nonce_str": v2Nonce, "sign_type": signType}
			for i := 0; i < len(more); i += 2 {
				bm.Set(more[i], more[i+1])
			}
			return bm
		}
		number := "GP2|" + name + "*1"
		_, err := client.UnifiedOrder(t.Context(), ask("body", description, "attach", attach, "out_trade_no", number, "total_fee", "100",
			"spbill_create_ip", "14.23.150.211", "notify_url", notifyURL, "trade_type", "NATIVE", "product_id", "tea", "device_info", ""))
		must(t, err)
		_, _, err = client.QueryOrder(t.Context(), ask("out_trade_no", number))
		must(t, err)
		_, _, err = client.QueryOrder(t.Context(), ask("transaction_id", g.transaction))
		must(t, err)
		_, err = client.CloseOrder(t.Context(), ask("out_trade_no", number))
		must(t, err)
		_, err = client.CloseOrder(t.Context(), ask("out_trade_no", number)) // refused, and signed
		must(t, err)
		_, _, err = client.QueryOrder(t.Context(), ask("out_trade_no", "GP2P-"+name, "sub_mch_id", w.SubMchID))
		must(t, err)
		_, err = client.CloseOrder(t.Context(), ask("out_trade_no", "GP2P-"+name, "sub_mch_id", w.SubMchID))
		must(t, err)
	}
}

func (g *capturing) axios(t *testing.T) {
	t.Helper()
	wantNode(t)
	w := g.world
	described, err := json.Marshal(map[string]string{
		"url": g.recorder.URL, "mchid": w.MchID, "sub_mchid": w.SubMchID, "appid": w.AppID, "serial": w.Serial, "v2_key": w.V2Key,
		"private_key": string(privatePEM(t, w.Key)), "public_key": string(publicPEM(t, w.PublicKey.Key)),
		"public_key_id": w.PublicKey.Serial, "transaction_id": g.transaction,
		"description": description, "attach": attach, "notify_url": notifyURL,
	})
	must(t, err)
	output, err := exec.CommandContext(t.Context(), "node", "testdata/capture/capture.js", string(described)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}

// notifications has the gateway notify a shop of payments and refunds in both APIs, through the
// recorder.
func (g *capturing) notifications(t *testing.T) {
	t.Helper()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != "application/json" {
			_, _ = io.WriteString(w, "<xml><return_code>SUCCESS</return_code></xml>")
		}
	}))
	t.Cleanup(shop.Close)
	before := newRecorder(t, shop.URL)
	for _, api := range []string{"v3", "v2"} {
		number := "NOTED-" + api
		g.MustAddOrder(paygate.Order{
			MchID: g.world.MchID, OutTradeNo: number, Total: 100, OpenID: "oABC", Attach: attach, API: api, NotifyURL: before.URL + "/" + api,
		})
		g.MustPay(number)
		g.MustWaitNotified(number)
		response, err := http.Post(g.AdminURL+"/orders/"+number+"/refund", "application/json",
			strings.NewReader(`{"out_refund_no":"BACK-`+api+`","notify_url":"`+before.URL+"/"+api+`"}`))
		must(t, err)
		must(t, response.Body.Close())
		before.await(t, 2)
		g.recorder.take(before.reset()...)
	}
}

// recorder passes on what clients send to a server, and what it answers, and keeps the bytes of
// both, one exchange after the other.
type recorder struct {
	URL string

	lock  sync.Mutex
	taken []exchange
}

// exchange is a request and its reply as they went over the wire.
type exchange struct{ request, reply []byte }

func newRecorder(t *testing.T, to string) *recorder {
	t.Helper()
	target, err := url.Parse(to)
	must(t, err)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	r := &recorder{URL: "http://" + listener.Addr().String()}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go r.serve(conn, target.Host)
		}
	}()
	return r
}

// serve passes on one connection. A reply has no body of unknown length here: the gateway and the
// shops send short ones.
func (r *recorder) serve(conn net.Conn, to string) {
	defer func() { _ = conn.Close() }()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var asked, answered bytes.Buffer
	requests := bufio.NewReader(io.TeeReader(conn, &asked))
	replies := bufio.NewReader(io.TeeReader(server, &answered))
	for {
		request, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		taken := exchange{request: bytes.Clone(asked.Bytes())}
		asked.Reset()
		_, _ = server.Write(taken.request)
		reply, err := http.ReadResponse(replies, request)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, reply.Body)
		_ = reply.Body.Close()
		taken.reply = bytes.Clone(answered.Bytes())
		answered.Reset()
		r.take(taken)
		_, _ = conn.Write(taken.reply)
	}
}

func (r *recorder) take(taken ...exchange) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.taken = append(r.taken, taken...)
}

// reset forgets what was taken, and returns it.
func (r *recorder) reset() []exchange {
	r.lock.Lock()
	defer r.lock.Unlock()
	taken := r.taken
	r.taken = nil
	return taken
}

// await returns when so many exchanges were taken.
func (r *recorder) await(t *testing.T, n int) {
	t.Helper()
	for range 500 {
		r.lock.Lock()
		got := len(r.taken)
		r.lock.Unlock()
		if got >= n {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%d exchanges were not taken in ten seconds", n)
}

// compare compares what was taken with the files, or writes them.
func (r *recorder) compare(t *testing.T, name string) {
	t.Helper()
	taken := r.reset()
	if len(taken) == 0 {
		t.Fatal("nothing was taken")
	}
	var requests, replies []byte
	for _, one := range taken {
		requests, replies = append(requests, one.request...), append(replies, one.reply...)
	}
	for file, got := range map[string][]byte{name + ".requests.http": requests, name + ".replies.http": replies} {
		path := captured + file
		if os.Getenv("CLOUDPAY_CAPTURE") == "1" {
			must(t, os.WriteFile(path, got, 0o644))
		}
		want, err := os.ReadFile(path)
		must(t, err)
		if diff := cmp.Diff(form(want), form(got)); diff != "" {
			t.Errorf("%s is sent in another form than was captured (-was +is); if that is right: CLOUDPAY_CAPTURE=1\n%s", path, diff)
		}
	}
}

// changing is what is new each time a message is sent, and the rest of it as a form.
var changing = []struct {
	what *regexp.Regexp
	form string
}{
	{regexp.MustCompile(`(nonce_str|timestamp|signature)="[^"]+"`), `$1="…"`},
	{regexp.MustCompile(`(?m)^(Host|User-Agent|Date|Request-Id|Request-ID|Content-Length|Wechatpay-(?:Nonce|Timestamp|Signature|Serial)): .*`), "$1: …"},
	{regexp.MustCompile(`(sign|nonce_str|prepay_id|code_url|transaction_id|time_end|req_info|refund_id|success_time)(>|><!\[CDATA\[)[^<\]]+`), "$1$2…"},
	{regexp.MustCompile(`"(id|create_time|ciphertext|nonce|prepay_id|code_url|transaction_id|success_time)":"[^"]+"`), `"$1":"…"`},
	{regexp.MustCompile(`</xml>(POST|GET|HTTP)`), "</xml>\n$1"},
	{regexp.MustCompile(`(</\w+>|<xml>)<`), "$1\n<"},
	{regexp.MustCompile(`/id/\d+`), "/id/…"},
}

// form is a message's lines without what is new each time.
func form(raw []byte) []string {
	text := strings.ReplaceAll(string(raw), "\r", "")
	for _, one := range changing {
		text = one.what.ReplaceAllString(text, one.form)
	}
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	for from := 0; from < len(lines); from++ { // gopay's elements are in the order of a map
		to := from
		for to < len(lines) && strings.HasPrefix(lines[to], "<") && lines[to] != "</xml>" {
			to++
		}
		slices.Sort(lines[from:to])
		from = to
	}
	return lines
}

func privatePEM(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func publicPEM(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
