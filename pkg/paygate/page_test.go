package paygate_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// page opens an address of the gateway's pages, or with a body sends the form.
func (s *session) page(address, form string, header ...string) answer {
	s.t.Helper()
	method := http.MethodGet
	if form != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(form))
	if err != nil {
		s.t.Fatal(err)
	}
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{
		Transport: s.client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{t: s.t, status: resp.StatusCode, header: resp.Header, body: string(body)}
}

// wantPage checks a page's status, and what it shows.
func (a answer) wantPage(status int, phrases ...string) answer {
	a.t.Helper()
	if a.status != status || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		a.t.Errorf("status %d of type %s, want %d and HTML", a.status, a.header.Get("Content-Type"), status)
	}
	for _, phrase := range phrases {
		if !strings.Contains(a.body, phrase) {
			a.t.Errorf("the page does not say %q:\n%s", phrase, a.body)
		}
	}
	return a
}

// running is a session whose gateway answers addresses of its own pages. Its business clock runs
// with a wire clock that stands.
func running(t *testing.T) *session {
	t.Helper()
	return start(t, paygate.Options{Running: true})
}

// addressOf places an order and returns the address that it is paid by.
func (s *session) addressOf(kind string, body members) string {
	s.t.Helper()
	got := s.place(kind, body).want(200).json()
	for _, member := range []string{"code_url", "h5_url"} {
		if text, _ := got[member].(string); text != "" {
			return text
		}
	}
	s.t.Fatalf("the answer has no address: %v", got)
	return ""
}

func TestPageIsPaid(t *testing.T) {
	t.Parallel()
	s := running(t)
	for _, kind := range []string{"native", "h5"} {
		no := "PAGE-" + kind
		address := s.addressOf(kind, s.placing(kind, no).with("description", `<script>alert("1")</script>`))
		if !strings.HasPrefix(address, s.URL+"/cashier?") {
			t.Fatalf("the address is %s, want one of %s", address, s.URL)
		}
		got := s.page(address, "").wantPage(200, "¥1.00", no, "NOTPAY", `value="pay"`, "&lt;script&gt;", "Emulated WeChat Pay")
		if strings.Contains(got.body, "<script") {
			t.Errorf("the page has a script:\n%s", got.body)
		}
		s.ClearRequests()
		sent := s.page(address, "do=pay")
		if sent.status != http.StatusSeeOther || !strings.HasPrefix(sent.header.Get("Location"), "/cashier?") {
			t.Errorf("the form is answered %d to %q, want 303 to the page", sent.status, sent.header.Get("Location"))
		}
		s.WantState(no, paygate.StateSuccess)
		if last := s.last(); last.Op != "cashier" || last.Verdict != "ok" || last.OutTradeNo != no || last.State != "SUCCESS" ||
			!strings.Contains(last.Reason, "the user paid") {
			t.Errorf("history says %+v", last)
		}
		paid := s.page(s.URL+sent.header.Get("Location"), "").wantPage(200, "支付成功", "The order is paid.")
		if strings.Contains(paid.body, "<button") {
			t.Errorf("a paid order's page has a button:\n%s", paid.body)
		}
		s.page(address, "do=pay")
		s.wantLast("refused", "the user could not pay: The order is paid.")
	}
}

func TestPageIsCancelled(t *testing.T) {
	t.Parallel()
	s := running(t)
	address := s.addressOf("native", s.placing("native", "CANCEL-1"))
	sent := s.page(address, "do=cancel")
	s.wantLast("ok", "the user left the page without paying")
	s.page(s.URL+sent.header.Get("Location"), "").wantPage(200, "You did not pay", `value="pay"`)
	s.WantState("CANCEL-1", paygate.StateNotPay)
	s.page(address, "do=steal")
	s.wantLast("malformed", "do=pay or do=cancel")
}

// TestPageOfCombined pays both parts.
func TestPageOfCombined(t *testing.T) {
	t.Parallel()
	s := running(t)
	address := s.addressOf("native", s.combining("native", "C-PAGE"))
	s.page(address, "").wantPage(200, "¥1.00", "C-PAGE", "Tea C-PAGE-PART-1 &#43; Tea C-PAGE-PART-2")
	s.page(address, "do=pay")
	s.WantState("C-PAGE-PART-1", paygate.StateSuccess)
	s.WantState("C-PAGE-PART-2", paygate.StateSuccess)
	s.page(address, "").wantPage(200, "The order is paid.")
}

// TestPageExpires: an h5_url lives five minutes, a code_url two hours, and a time_expire ends both.
func TestPageExpires(t *testing.T) {
	t.Parallel()
	s := running(t)
	h5, native := s.addressOf("h5", s.placing("h5", "LIFE-1")), s.addressOf("native", s.placing("native", "LIFE-2"))
	short := s.addressOf("native", s.placing("native", "LIFE-3").with("time_expire", wireTime().Add(time.Minute).Format(time.RFC3339)))
	s.MustAdvance(5*time.Minute - time.Second)
	s.page(h5, "").wantPage(200, `value="pay"`)
	s.page(short, "").wantPage(200, "The time to pay is over (time_expire)")
	s.page(short, "do=pay")
	s.wantLast("refused", "time_expire")
	s.WantState("LIFE-3", paygate.StateNotPay)
	s.MustAdvance(time.Second)
	s.page(h5, "").wantPage(200, "has expired")
	s.page(h5, "do=pay")
	s.WantState("LIFE-1", paygate.StateNotPay)
	s.page(native, "").wantPage(200, `value="pay"`)
	s.MustAdvance(2*time.Hour - 5*time.Minute)
	s.page(native, "").wantPage(200, "has expired")
	s.v3(s.closeV3("LIFE-2")).want(204)
	s.page(native, "").wantPage(200, "The order is closed")
}

func TestPageOfUnknown(t *testing.T) {
	t.Parallel()
	s := running(t)
	for _, query := range []string{"", "?pr=", "?pr=xxxxxxxxx", "?prepay_id=wx1", "?pr=%00"} {
		s.page(s.URL+"/cashier"+query, "").wantPage(404, "There is no such order")
		s.page(s.URL+"/cashier"+query, "do=pay").wantPage(404, "There is no such order")
	}
	address := s.addressOf("native", s.placing("native", "METHOD-1"))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("DELETE is answered %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
}

// TestPageBack: a merchant's redirect_url is a link, and nothing else can be one.
func TestPageBack(t *testing.T) {
	t.Parallel()
	s := running(t)
	address := s.addressOf("h5", s.placing("h5", "BACK-1"))
	s.page(address+"&redirect_url="+url.QueryEscape("https://shop.example/done?a=1&b=2"), "").
		wantPage(200, `<a href="https://shop.example/done?a=1&amp;b=2" rel="noreferrer">`)
	for _, bad := range []string{"javascript:alert(1)", "//evil.example", "data:text/html,x", "https:"} {
		if got := s.page(address+"&redirect_url="+url.QueryEscape(bad), ""); strings.Contains(got.body, "<a ") {
			t.Errorf("redirect_url %s became a link:\n%s", bad, got.body)
		}
	}
}

// TestPageIsGuarded: its policy forbids scripts, and a page of another origin or under another name
// can send nothing.
func TestPageIsGuarded(t *testing.T) {
	t.Parallel()
	s := running(t)
	address := s.addressOf("native", s.placing("native", "GUARD-1"))
	got := s.page(address, "").wantPage(200)
	for name, want := range map[string]string{
		"Content-Security-Policy": `^default-src 'none'; style-src 'sha256-[0-9A-Za-z+/]{43}='; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$`,
		"X-Content-Type-Options":  "^nosniff$", "Referrer-Policy": "^no-referrer$", "Cache-Control": "^no-store$",
	} {
		if !regexp.MustCompile(want).MatchString(got.header.Get(name)) {
			t.Errorf("%s is %q, want %s", name, got.header.Get(name), want)
		}
	}
	s.page(address, "do=pay", "Origin", "https://evil.example").wantStatus(403)
	s.page(address, "do=pay", "Sec-Fetch-Site", "cross-site").wantStatus(403)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		req := httptest.NewRequestWithContext(t.Context(), method, strings.TrimPrefix(address, s.URL), strings.NewReader("do=pay"))
		req.Host = "evil.example"
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, req)
		if recorder.Code != http.StatusForbidden {
			t.Errorf("%s under another name is answered %d, want 403", method, recorder.Code)
		}
	}
	s.WantState("GUARD-1", paygate.StateNotPay)
}

// TestPageAddresses: only a running gateway that was called by a loopback name answers addresses of
// its own.
func TestPageAddresses(t *testing.T) {
	t.Parallel()
	s := start(t)
	if got := s.addressOf("native", s.placing("native", "ADDRESS-1")); !strings.HasPrefix(got, "weixin://wxpay/bizpayurl?pr=") {
		t.Errorf("a test's code_url is %s", got)
	}
	page, _ := s.admin("GET", "/orders/ADDRESS-1", "").json()["page"].(string)
	s.page(s.URL+page, "do=pay")
	s.WantState("ADDRESS-1", paygate.StateSuccess)

	proxied := running(t)
	req := proxied.v3Defaults(v3Request{method: "POST", uri: "/v3/pay/transactions/native", body: proxied.placing("native", "ADDRESS-2").text(t)})
	sent := httptest.NewRequestWithContext(t.Context(), req.method, req.uri, strings.NewReader(req.body))
	sent.Host, sent.Header = "api.mch.weixin.qq.com", proxied.headers(req)
	recorder := httptest.NewRecorder()
	proxied.ServeHTTP(recorder, sent)
	if !strings.Contains(recorder.Body.String(), `"weixin://wxpay/bizpayurl?pr=`) {
		t.Errorf("by another name the answer is %s", recorder.Body)
	}
}

// TestPageOfUnkeptState: a payment that cannot be kept is none.
func TestPageOfUnkeptState(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{Running: true, File: filepath.Join(t.TempDir(), "gateway")})
	address := s.addressOf("native", s.placing("native", "KEPT-1"))
	if err := s.Close(); err != nil { // and with it the file
		t.Fatal(err)
	}
	s.page(address, "do=pay").wantPage(500, "网关的状态无法保存", "closed")
	s.wantLast("refused", "closed")
	s.WantState("KEPT-1", paygate.StateNotPay)
}
