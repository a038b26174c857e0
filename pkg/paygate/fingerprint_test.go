package paygate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// TestDiffering: of a placing only a fingerprint is kept, which tells every parameter that a second
// request changes, adds or leaves out.
func TestDiffering(t *testing.T) {
	t.Parallel()
	first := map[string]string{"a": "1", "b": "", "c": "文字", "d": strings.Repeat("x", 6000)}
	for _, test := range []struct {
		second map[string]string
		want   []string
	}{
		{map[string]string{"a": "1", "b": "", "c": "文字", "d": strings.Repeat("x", 6000)}, nil},
		{map[string]string{"a": "2", "b": "", "c": "文字", "d": strings.Repeat("x", 5999)}, []string{"a", "d"}},
		{map[string]string{"a": "1", "b": "", "c": "文字"}, []string{"d"}},
		{map[string]string{"a": "1", "aa": "1", "b": "", "c": "文字", "d": strings.Repeat("x", 6000), "e": ""}, []string{"aa", "e"}},
		{map[string]string{"b": "1", "a": "", "c": "文字", "d": strings.Repeat("x", 6000)}, []string{"a", "b"}},
		{nil, []string{"a", "b", "c", "d"}},
	} {
		if got := paygate.Differing(first, test.second); !slices.Equal(got, test.want) {
			t.Errorf("of %v differ %v, want %v", test.second, got, test.want)
		}
	}
}

// TestLongTexts: an order is packed with texts of any length that it may have.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, length := range []int{0, 1, 63, 64, 127, 128} {
		text := strings.Repeat("文", length)
		no := fmt.Sprint("L", length)
		want := paygate.Order{OutTradeNo: no, Total: 100, Attach: text, Description: text, DeviceInfo: text, SubOpenID: text}
		s.MustAddOrder(want)
		got := s.MustOrder(no)
		if got.Attach != text || got.Description != text || got.DeviceInfo != text || got.SubOpenID != text || got.OutTradeNo != no {
			t.Errorf("the order of %d characters is %+v", length, got)
		}
	}
}

// oldExport is an export of format 1: one order that was placed twice, a combined one, and one that
// was added.
func oldExport(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/format1.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// placedInFormat1 are the placings of oldExport's orders.
func (s *session) placedInFormat1() (single, combined members) {
	single = members{
		"appid": s.Merchant.AppID, "mchid": s.Merchant.MchID, "description": "Tea, large", "out_trade_no": "PLACED-1",
		"notify_url": "https://shop.example/notify", "attach": "shop-7", "amount": members{"total": 100, "currency": "CNY"},
		"payer": members{"openid": userA},
	}
	return single, s.combining("jsapi", "WHOLE-1")
}

// prepaidIn matches the prepay_ids of an export.
var prepaidIn = regexp.MustCompile(`wx[0-9]{14}[0-9a-z]{20}`)

// wantFormat1 uses a gateway with the state of oldExport: the placings can be repeated, a changed
// one is refused by name, and every prepay_id still leads to its order.
func (s *session) wantFormat1() {
	s.t.Helper()
	single, combined := s.placedInFormat1()
	before := prepaidIn.FindAllString(oldExport(s.t), -1)
	slices.Sort(before)
	if before = slices.Compact(before); len(before) != 3 {
		s.t.Fatalf("the export has the prepay_ids %v, want three", before)
	}
	for _, id := range before {
		got := s.mustExchange(http.MethodGet, "/cashier?prepay_id="+id, "", http.Header{})
		if got.status != http.StatusOK {
			s.t.Errorf("the page of %s is %d", id, got.status)
		}
	}
	s.place("jsapi", single.with("attach", "other")).wantCode(400, "INVALID_REQUEST")
	s.wantLast("refused", "with another /attach: ")
	s.place("jsapi", combined.with("time_start", "2026-03-01T12:00:00+08:00")).wantCode(400, "INVALID_REQUEST")
	s.wantLast("refused", "with another /time_start: ")
	single, combined = s.placedInFormat1()
	for _, body := range []members{single, combined} {
		if id, _ := s.place("jsapi", body).want(200).json()["prepay_id"].(string); id == "" || slices.Contains(before, id) {
			s.t.Errorf("the prepay_id is %q, want a new one", id)
		}
	}
	s.WantState("ADDED", paygate.StateSuccess)
}

// TestFormat1: a state that an earlier version wrote is taken, as an export and as a file, and is
// the same afterwards however it came.
func TestFormat1(t *testing.T) {
	t.Parallel()
	merchant := childMerchant()
	merchant.PrivateKey = start(t).Merchant.PrivateKey
	imported := start(t, paygate.Options{Now: wireTime, Merchants: []*paygate.Merchant{merchant}})
	if err := imported.Import(strings.NewReader(oldExport(t))); err != nil {
		t.Fatal(err)
	}
	state := imported.state()

	opts := kept(t)
	opts.Merchants = []*paygate.Merchant{merchant}
	_ = start(t, opts).Close()
	for line := range strings.Lines(oldExport(t)) {
		var entry struct {
			Bucket, Key string
			Value       json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Bucket != "" { // not the first line
			paygate.SpoilFile(t, opts.File, entry.Bucket, entry.Key, string(entry.Value))
		}
	}
	paygate.SpoilFile(t, opts.File, "format", "format", "1")
	fromFile := start(t, opts)
	wantState(t, fromFile.state(), state)
	fromFile = fromFile.again(opts)
	wantState(t, fromFile.state(), state)
	_ = fromFile.Close()
	if format := paygate.FileFormat(t, opts.File); format != 2 {
		t.Errorf("the file has format %d, want 2", format)
	}
	imported.wantFormat1()
	start(t, opts).wantFormat1()

	var again bytes.Buffer
	if err := imported.Export(&again); err != nil {
		t.Fatal(err)
	}
	third := start(t, paygate.Options{Now: wireTime, Merchants: []*paygate.Merchant{merchant}})
	if err := third.Import(&again); err != nil {
		t.Errorf("the export of an imported state: %v", err)
	}
}
