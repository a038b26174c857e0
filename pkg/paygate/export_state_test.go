package paygate_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"cloudpay/pkg/paygate"
)

// TestExportAndImport: an imported state is the exported one, in memory and in a file, and goes on.
func TestExportAndImport(t *testing.T) {
	t.Parallel()
	from := start(t)
	from.live()
	requests := len(from.Requests())
	want := from.admin("GET", "/state", "").wantStatus(200).body
	if want != from.state() {
		t.Error("GET /state is not Export")
	}
	for name, opts := range map[string]paygate.Options{"in memory": {Now: wireTime}, "in a file": kept(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts.Merchants = []*paygate.Merchant{from.Merchant}
			s := start(t, opts)
			s.admin("POST", "/state", want).wantStatus(200).wantJSON(map[string]any{"orders": 17.0, "requests": float64(requests)})
			wantState(t, s.state(), want)
			if opts.File != "" {
				s = s.again(opts)
				wantState(t, s.state(), want)
			}
			s.admin("POST", "/state", want).wantError(409, "into an empty one")
			s.goOn(requests)
		})
	}
}

// TestImportRefuses: the error names the line, and nothing is imported.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	from := start(t)
	from.live()
	good := strings.Split(from.state(), "\n")
	replace := func(line int, by string) string {
		lines := append([]string{}, good...)
		lines[line-1] = by
		return strings.Join(lines, "\n")
	}
	order := 0
	for i, line := range good {
		if strings.Contains(line, `"bucket":"orders"`) && order == 0 {
			order = i + 1
		}
	}
	opts := kept(t)
	opts.Merchants = []*paygate.Merchant{from.Merchant}
	s := start(t, opts)
	for name, test := range map[string]struct{ text, want string }{
		"nothing":               {"", "line 1 is missing"},
		"another file":          {"{}", "line 1: this is no export"},
		"another format":        {`{"kind":"cloudpay gateway state","format":99}`, "line 1: the format is 99"},
		"no JSON":               {replace(order, "x"), "line 4: reading JSON"},
		"two values":            {replace(order, good[order-1]+good[order-1]), "there is more after the value"},
		"an empty line":         {replace(order, ""), "line 4: reading JSON"},
		"an unknown bucket":     {replace(order, `{"bucket":"news","key":"1","value":1}`), `bucket "news" is none of clock, `},
		"an unknown field":      {replace(order, strings.Replace(good[order-1], `"total"`, `"Totals"`, 1)), `line 4: orders 000000000000: reading JSON: json: unknown field "Totals"`},
		"a state":               {replace(order, strings.Replace(good[order-1], `"NOTPAY"`, `"OPEN"`, 1)), "must each be one of"},
		"a number":              {replace(order, strings.Replace(good[order-1], `"OPEN"`, `"a b"`, 1)), `out_trade_no "a b" must be`},
		"a merchant":            {replace(order, strings.Replace(good[order-1], from.Merchant.MchID, "1", 1)), `"1" is no merchant of this gateway`},
		"an order missing":      {strings.Join(append(append([]string{}, good[:order-1]...), good[order:]...), "\n"), "line 4: orders 000000000001: order 0 is missing"},
		"an order twice":        {replace(order+1, strings.Replace(good[order-1], "000000000000", "000000000001", 1)), "line 5: orders 000000000001: order OPEN of mchid"},
		"a line too long":       {replace(order, strings.Repeat("x", 2<<20)), "line 4 did not arrive whole"},
		"requests out of order": {strings.Replace(from.state(), `"id":2,`, `"id":1,`, 1), "comes behind"},
	} {
		if err := s.Import(strings.NewReader(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %s", name, err, test.want)
		}
	}
	if err := s.Import(iotest.ErrReader(errors.New("gone"))); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("a broken reader: %v", err)
	}
	if n := len(s.Orders()) + len(s.Requests()); n != 0 {
		t.Errorf("%d orders and requests are there after refused imports", n)
	}
	s.admin("POST", "/state?all=1", "").wantError(400, "unknown query parameter")
	if err := s.Import(strings.NewReader(strings.Join(good, "\n"))); err != nil {
		t.Errorf("the good one: %v", err)
	}
	used := start(t, paygate.Options{Merchants: []*paygate.Merchant{from.Merchant}})
	used.v3(used.queryV3("A1"))
	if err := used.Import(strings.NewReader(strings.Join(good, "\n"))); err == nil || !strings.Contains(err.Error(), "has a history") {
		t.Errorf("into a gateway with a history: %v", err)
	}
}

// FuzzImport: what is taken is exported again as it came, or at least is taken again.
func FuzzImport(f *testing.F) {
	s := paygate.RunT(f, paygate.Options{Now: wireTime})
	s.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
	s.MustAddCombined(paygate.CombinedOrder{CombineOutTradeNo: "C1", SubOrders: []paygate.Order{{OutTradeNo: "S1", Total: 1}, {OutTradeNo: "S2", Total: 2}}})
	s.MustPay("C1")
	var seed bytes.Buffer
	if err := s.Export(&seed); err != nil {
		f.Fatal(err)
	}
	f.Add(seed.String())
	f.Add(seed.String() + seed.String())
	f.Fuzz(func(t *testing.T, text string) {
		opts := paygate.Options{
			Now: wireTime, Merchants: []*paygate.Merchant{s.Merchant}, PlatformKey: s.Merchant.PrivateKey, NoCertificates: true,
		}
		var states []string
		for range 2 {
			g, err := paygate.New(opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Import(strings.NewReader(text)); err != nil {
				if len(states) > 0 {
					t.Fatalf("an export is not taken again: %v\n%s", err, text)
				}
				return
			}
			var state bytes.Buffer
			if err := g.Export(&state); err != nil {
				t.Fatal(err)
			}
			text = state.String()
			states = append(states, text)
		}
		if states[0] != states[1] {
			t.Fatalf("exports differ:\n%s\n%s", states[0], states[1])
		}
	})
}
