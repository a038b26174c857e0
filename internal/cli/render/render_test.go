package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/printable"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// inBoth runs something in each language.
func inBoth(run func(l *Language)) {
	run(&Language{})
	run(&Language{Chinese: true})
}

func TestLanguageOf(t *testing.T) {
	for name, test := range map[string]struct {
		all, messages, lang string
		args                []string
		want                bool
	}{
		"nothing":                 {},
		"LANG":                    {lang: "zh_CN.UTF-8", want: true},
		"LC_MESSAGES before LANG": {messages: "zh_TW", lang: "en_US.UTF-8", want: true},
		"LC_ALL before all":       {all: "C", messages: "zh_CN", lang: "zh_CN"},
		"asked":                   {args: []string{"close", "A1", "--lang", "zh"}, want: true},
		"asked with =":            {args: []string{"--lang=zh", "close"}, want: true},
		"asked before LANG":       {lang: "zh_CN", args: []string{"--lang", "en", "close"}},
		"the last counts":         {args: []string{"--lang=zh", "--lang=en"}},
		"none of ours":            {lang: "zh_CN", args: []string{"--lang", "fr"}, want: true},
		"cut off":                 {args: []string{"--lang"}},
		"behind --":               {args: []string{"close", "--", "--lang", "zh"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("LC_ALL", test.all)
			t.Setenv("LC_MESSAGES", test.messages)
			t.Setenv("LANG", test.lang)
			if got := LanguageOf(test.args).Chinese; got != test.want {
				t.Errorf("Chinese is %t, want %t", got, test.want)
			}
		})
	}
}

// Every outcome has a word in Chinese and a meaning, or a state in its stead.
func TestResultsKnowOutcomes(t *testing.T) {
	t.Parallel()
	for _, outcome := range outcomes {
		if outcomesZH[outcome] == "" || outcome != order.OutcomeFound && (meanings[outcome].EN == "" || meanings[outcome].ZH == "") {
			t.Errorf("%s: %q, %+v", outcome, outcomesZH[outcome], meanings[outcome])
		}
	}
}

// A text that a stranger wrote cannot take over the terminal.
func TestResultsShowsNoControls(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{"A1"}, {"A1", "A2"}} {
		var out strings.Builder
		r := &Results{Language: &Language{}, Out: &out, Names: names}
		r.Tell("A1", order.Result{
			Outcome: order.OutcomeRefused, ErrCode: "X\x1b[2J", ErrCodeDes: "gone\x1b[2J\u202e", TradeState: "S\x07", RequestID: "\u009b1",
			FeeType: "\x1b", TotalFee: new(int64),
		})
		if text := out.String(); strings.ContainsAny(text, "\x1b\x07\u009b\u202e") {
			t.Errorf("%q", text)
		}
	}
}

func TestAmount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fen          int64
		currency     string
		want, wantZH string
	}{
		{0, "CNY", "0.00 yuan (0 fen)", "0.00 元（0 分）"},
		{5, "", "0.05 yuan (5 fen)", "0.05 元（5 分）"},
		{123456, "CNY", "1234.56 yuan (123456 fen)", "1234.56 元（123456 分）"},
		{100, "JPY", "100 of the smallest unit of JPY", "100（JPY 最小单位）"},
	} {
		if got := (&Language{}).Amount(&c.fen, c.currency); got != c.want {
			t.Errorf("%d %s: got %q, want %q", c.fen, c.currency, got, c.want)
		}
		if got := (&Language{Chinese: true}).Amount(&c.fen, c.currency); got != c.wantZH {
			t.Errorf("%d %s: got %q, want %q", c.fen, c.currency, got, c.wantZH)
		}
	}
	if got := (&Language{}).Amount(nil, "CNY"); got != "" {
		t.Errorf("no amount: %q", got)
	}
}

func TestPad(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"ab": "ab  ", "关单": "关单", "（": "（  ", "abcdef": "abcdef"} {
		if got := Pad(text, 4); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// On a terminal there is a bar, which is gone in the end.
func TestProgressBar(t *testing.T) {
	t.Parallel()
	var shown bytes.Buffer
	p := newProgress(&shown, 100, true, &Language{Chinese: true})
	p.At(50, 5)
	p.End()
	if text := shown.String(); !strings.Contains(text, "导入") || !strings.Contains(text, "%") || strings.Contains(text, "\n") {
		t.Errorf("got %q", text)
	}
}

// Columns are as wide as their longest text, in either script.
func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	rows := &Table{Out: &out, Header: []string{"", "订单", "why"}}
	rows.Row("✓", "A1", "")
	rows.Row("✗", "A-LONG", "no\x1b")
	rows.Flush()
	rows.Flush()
	want := "   订单    why\n✓  A1\n✗  A-LONG  no\\u001b\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// Every progress and every event has words in both languages.
func TestRecordWords(t *testing.T) {
	t.Parallel()
	for _, progress := range []schedule.Progress{schedule.Waiting, schedule.Closing, schedule.GaveUp, schedule.Withdrawn, schedule.Done} {
		if w := progresses[progress]; w.EN == "" || w.ZH == "" {
			t.Errorf("%s: got %+v", progress, w)
		}
	}
	for _, state := range []schedule.FinalState{schedule.FinalClosed, schedule.FinalPaid, schedule.FinalNotFound} {
		if w := state.Wording(); w.EN != string(state) || !strings.ContainsFunc(w.ZH, isHan) {
			t.Errorf("%s: got %+v", state, w)
		}
	}
	for _, kind := range []outbox.EventKind{
		outbox.EventClosed, outbox.EventPaid, outbox.EventPaidOtherAmount, outbox.EventPaidUnregistered, outbox.EventNotFound, outbox.EventGaveUp, outbox.EventContradicted,
	} {
		if w := kinds[kind]; w.EN != string(kind) || w.ZH == "" {
			t.Errorf("%s: got %+v", kind, w)
		}
	}
}

// A result, an order and an event are told in the language, down to the reason.
func TestResultsInChinese(t *testing.T) {
	t.Parallel()
	l := &Language{Chinese: true}
	for _, outcome := range outcomes {
		for code, des := range map[string]string{
			errcode.NoAuth: "", errcode.Timeout: "context deadline exceeded", "NEW_CODE": "订单有误",
			errcode.ParamError: order.MissingOutTradeNo().Wording().String(),
		} {
			var out strings.Builder
			total := int64(5)
			r := &Results{Language: l, Out: &out, Names: []string{"A1"}}
			r.Tell("A1", order.Result{
				Outcome: outcome, ErrCode: code, ErrCodeDes: des, TradeState: tradestate.NotPay, TotalFee: &total, CashFee: &total,
				Attempts: 1, Proof: order.ProofSignature, API: order.V3, RetryAfter: 5, TimeEnd: "20261122183000", MchID: "1900000001",
				SubOrders: []order.SubFacts{{SubOrder: order.SubOrder{OutTradeNo: "C1"}, TradeState: tradestate.NotPay}},
			})
			for line := range strings.Lines(out.String()) {
				if !strings.ContainsFunc(line, isHan) || strings.Contains(line, "must be given") {
					t.Errorf("%s %s: not Chinese: %s", outcome, code, line)
				}
			}
		}
	}
	for recorded, want := range map[string]string{
		"":                     "",
		"not five minutes old": "下单不足五分钟",

		"not due yet: the database's clock is ahead": "尚未到期：数据库的时钟偏快",
		"TIMEOUT: no answer":                         "TIMEOUT：等待应答超时（no answer）",
		"USERPAYING: the customer is paying at this moment / 用户支付中 (trade_state USERPAYING)": "USERPAYING：用户支付中 (trade_state USERPAYING)",
		"of another version": "of another version",
	} {
		if got := l.Reason(recorded); got != want {
			t.Errorf("%q: got %q, want %q", recorded, got, want)
		}
	}
}

// Why an event was not delivered is said in the language, with the reasons as package outbox, the
// sweep and the notifier word them.
func TestDeliveryReasons(t *testing.T) {
	t.Parallel()
	for recorded, want := range map[string]string{
		(&outbox.DeliveryError{Number: 5, Status: 500}).Error():                          "投递事件 5：接收方应答 500，而不是 2xx",
		(&outbox.DeliveryError{Number: 5, Status: 503, RetryAfter: time.Minute}).Error(): "投递事件 5：接收方应答 503，而不是 2xx；要求 1m0s 后重试",

		"delivering event 5: no answer within 3s":                                  "投递事件 5：3s 内没有应答",
		"delivering event 5: no answer before the sweep's time was up":             "投递事件 5：本次扫描结束前没有应答",
		"delivering event 5: the address is not one that a request can be sent to": "投递事件 5：该地址无法接收请求",
		"telling of event 5: no answer within 10s":                                 "投递事件 5：10s 内没有应答",
		"delivering event 5: dial tcp: connection refused":                         "投递事件 5：dial tcp: connection refused",
		"HTTP 500": "HTTP 500",
		"":         "",
	} {
		if got := (&Language{Chinese: true}).DeliveryReason(recorded); got != want {
			t.Errorf("%q: got %q, want %q", recorded, got, want)
		}
		want = strings.Replace(recorded, "telling of", "delivering", 1)
		if got := (&Language{}).DeliveryReason(recorded); got != want {
			t.Errorf("%q: got %q, want %q", recorded, got, want)
		}
	}
}

// hostile has one of each kind of character that a terminal obeys or shows as something else.
const hostile = "A\x1b[2J\u009b1m\u202e\u2066\u200b\ufeff\u00ad\u2028\x7f\U000e0041B"

// Whatever a stranger wrote, it is shown and not obeyed, and JSON keeps its meaning.
func TestStrangersTextsAreEscaped(t *testing.T) {
	t.Parallel()
	result := order.Result{
		Outcome: order.OutcomeUnknown, ErrCode: hostile, ErrCodeDes: hostile, ReturnMsg: hostile, Attach: hostile, RequestID: hostile,
		TradeState: hostile, OutTradeNo: hostile, SubOrders: []order.SubFacts{{SubOrder: order.SubOrder{OutTradeNo: hostile}}},
	}
	for name, r := range map[string]*Results{"one": {Names: []string{"A1"}}, "several": {}, "JSON": {JSON: true}} {
		inBoth(func(l *Language) {
			var out strings.Builder
			r.Language, r.Out = l, &out
			r.Tell("A1", result)
			r.Sum()
			if text := out.String(); text == "" || text != printable.Lines(text) || strings.Contains(text, "\t") {
				t.Errorf("%s: passed raw: %q", name, text)
			}
			var back order.Result
			if r.JSON && (json.Unmarshal([]byte(out.String()), &back) != nil || back.Attach != hostile) {
				t.Errorf("%s: got %q back, want %q", name, back.Attach, hostile)
			}
		})
	}
}

// A record is shown with all that is known of it, its events last, in both languages.
func TestRecord(t *testing.T) {
	t.Parallel()
	total := int64(100)
	record := schedule.Record{
		Entry:      schedule.Entry{Ref: order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"}, Total: &total},
		TradeState: tradestate.UserPaying, Progress: schedule.GaveUp, Attempts: 3, LastError: "not five minutes old",
	}
	events := []outbox.Event{{Number: 7, Kind: outbox.EventGaveUp, Reason: "not five minutes old"}}
	for chinese, want := range map[bool][]string{
		false: {"✗ stuck  A1\n", "merchant        cn / 1900000001\n", "amount          1.00 yuan (100 fen)\n", "attempts        3\n",
			"last said       USERPAYING, the customer is paying at this moment (not proved)\n", "event 7", "gaveUp  not five minutes old\n"},
		true: {"✗ 已放弃  A1\n", "原因            下单不足五分钟\n", "事件 7", "已放弃 gaveUp  下单不足五分钟\n"},
	} {
		var out strings.Builder
		(&Language{Chinese: chinese}).Record(&out, record, nil, events)
		for _, line := range want {
			if !strings.Contains(out.String(), line) {
				t.Errorf("want %q in\n%s", line, out.String())
			}
		}
	}
	if got := Number("1900000109", "A1") + " " + Number("", "A1"); got != "1900000109/A1 A1" {
		t.Errorf("got %s", got)
	}
}

// Flags stand in columns that line up in either script, with what they are when left out.
func TestFlags(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.StringP("name", "n", "", "a name\nof two lines")
	flags.Int("limit", 50, "how many")
	flags.Bool("hidden", false, "")
	_ = flags.MarkHidden("hidden")
	for chinese, want := range map[bool]string{
		false: "\n\nFlags:\n      --limit int     how many (default 50)\n  -n, --name string   a name\n                      of two lines",
		true:  "\n\nFlags:\n      --limit 整数   how many（默认 50）\n  -n, --name 文本    a name\n                     of two lines",
	} {
		if got := (&Language{Chinese: chinese}).Flags("Flags:", flags); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	if got := (&Language{}).Flags("Flags:", pflag.NewFlagSet("", pflag.ContinueOnError)); got != "" {
		t.Errorf("no flags: got %q", got)
	}
}

// What is wrong with a flag is said in both languages.
func TestFlagError(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--nosuch": "unknown flag: --nosuch", "-x": "unknown flag: -x", "--name": "flag needs an argument: --name",
		"--limit=many": `--limit: must be a whole number, not "many"`, "--=x": "bad flag syntax: --=x",
		"--wait=long": `--wait: must be a time such as 20s, not "long"`, "--on=perhaps": `--on: must be true or false, not "perhaps"`,
	} {
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		flags.String("name", "", "")
		flags.Int("limit", 0, "")
		flags.Duration("wait", 0, "")
		flags.Bool("on", false, "")
		text := bilingual.Wording(FlagError(flags.Parse([]string{args})))
		if text.EN != want || !strings.ContainsFunc(text.ZH, isHan) {
			t.Errorf("%s: got %+v, want %q", args, text, want)
		}
	}
	if text := bilingual.Wording(FlagError(errors.New("odd"))); text.EN != "odd" || text.ZH != "选项有误：odd" {
		t.Errorf("got %+v", text)
	}
}

// A text without values may have a per cent sign in it.
func TestSay(t *testing.T) {
	t.Parallel()
	inBoth(func(l *Language) {
		if got := l.Say("100%", "100%"); got != "100%" {
			t.Errorf("got %q", got)
		}
		want := "2 of 3"
		if l.Chinese {
			want = "共 2 个 3"
		}
		if got := l.Say("%d of %s", "共 %d 个 %s", 2, bilingual.Same("3")); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// A time is shown with its zone, and is the same moment when it is read back.
func TestClock(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 11, 22, 10, 30, 0, 0, time.UTC)
	back, err := time.Parse("2006-01-02 15:04:05 -07:00", Clock(when))
	if err != nil || !back.Equal(when) {
		t.Errorf("got %q back as %v, %v", Clock(when), back, err)
	}
	if got := Clock(time.Time{}); got != "" {
		t.Errorf("no time: got %q", got)
	}
}
