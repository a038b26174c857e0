package orderfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/registering"
)

// encoded are the ways in which a file may be written, and how a program writes them.
var encoded = map[string]func(string) string{
	"UTF-8":             func(text string) string { return text },
	"UTF-8 with a mark": func(text string) string { return "\ufeff" + text },
	"GBK": func(text string) string {
		gbk, err := simplifiedchinese.GBK.NewEncoder().String(text)
		if err != nil {
			panic(err)
		}
		return gbk
	},
	"UTF-16LE": func(text string) string { return utf16Of(text, unicode.LittleEndian) },
	"UTF-16BE": func(text string) string { return utf16Of(text, unicode.BigEndian) },
}

func utf16Of(text string, endian unicode.Endianness) string {
	written, err := unicode.UTF16(endian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return written
}

func shanghai(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// What spreadsheets write is registered in every encoding, with each separator, and what is
// rejected of it is written as it was: mended, it is imported, and nothing is left.
func TestRejectsRoundTrip(t *testing.T) {
	t.Parallel()
	for name, encode := range encoded {
		for _, separator := range []string{",", ";", "\t"} {
			for _, end := range []string{"\n", "\r\n"} {
				t.Run(fmt.Sprintf("%s %q %q", name, separator, end), func(t *testing.T) {
					t.Parallel()
					lines := []string{
						"商户单号,关单,名称,金额", "A1,2026/11/29 10:00,水,1.50", "A2,昨天,茶,2", `A3,2026/11/29 10:00,"甲,乙",3.001`,
						`A4,"2026/11/29 10:00,丙,4`, "A5,2026/11/29 10:00", "`A6,2026-11-29 10:00:05,丁,6", ",,,", "",
					}
					for i, line := range lines {
						lines[i] = strings.ReplaceAll(line, ",", separator)
					}
					columns := Columns{"关单": closeAt, "金额": inYuan, "名称": passedOver}
					body := func(text string) string { return withoutMark(encode(text)) }
					source := encode(strings.Join(lines, end))
					s := &shop{}
					rejected := s.importFile(t, source, columns, 4, 2)
					if got := s.orders[ref("A6")]; got.CloseAt.Unix() != 1795917605 || *got.Total != 600 {
						t.Errorf("A6: got %+v", got)
					}
					// The rows stand there byte by byte, behind their reasons.
					for _, i := range []int{2, 3, 4, 5} {
						if row := body(lines[i]); !strings.Contains(rejected, row) {
							t.Errorf("line %d is not among the rejected ones as it was: %q in %q", i+1, row, rejected)
						}
					}
					// Once more, nothing changes but the numbers of the lines.
					again := s.importFile(t, rejected, columns, 4, 0)
					if was, is := strings.Count(rejected, body(separator)), strings.Count(again, body(separator)); is != was {
						t.Errorf("the reasons pile up: %d cells became %d", was, is)
					}
					mended := strings.NewReplacer(body("昨天"), body("1800"), body("3.001"), body("3"),
						body(`"2026/11/29 10:00`+separator+"丙"), body("2026/11/29 10:00"+separator+"丙"),
						body("A5"+separator+"2026/11/29 10:00"), body("A5"+separator+"2026/11/29 10:00"+separator+separator)).Replace(again)
					if left := s.importFile(t, mended, columns, 0, 4); strings.Contains(left, body("A2")) {
						t.Errorf("got %q", left)
					}
					if len(s.orders) != 6 {
						t.Errorf("got %d orders, want 6: %v", len(s.orders), s.orders)
					}
				})
			}
		}
	}
}

// withoutMark takes the byte order mark away, which every text begins with that is encoded alone.
func withoutMark(text string) string {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		text = strings.TrimPrefix(text, mark)
	}
	return text
}

func ref(number string) order.Ref {
	return order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: number}
}

// importFile imports a text with --rejects, and returns what is rejected of it.
func (s *shop) importFile(t *testing.T, text string, columns Columns, rejected, added int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rejects.csv")
	in, _ := s.importer(CSV)
	var err error
	if in.Rejects, err = OpenRejects(path, nil, false, &render.Language{}); err != nil {
		t.Fatal(err)
	}
	in.Columns, in.Zone, in.Overdue = columns, shanghai(t), true
	if err := errors.Join(in.Run(t.Context(), strings.NewReader(text)), in.Rejects.End(io.Discard)); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if in.Rejects.Count != rejected || in.Added != added {
		t.Errorf("got %d rejected and %d added, want %d and %d:\n%s", in.Rejects.Count, in.Added, rejected, added, written)
	}
	return string(written)
}

// Rejected JSON Lines are the same lines, with the reason as their first key.
func TestRejectedJSONLines(t *testing.T) {
	t.Parallel()
	run := func(s *shop, text string) (string, *Importer) {
		var out strings.Builder
		in, _ := s.importer(JSONLines)
		in.Rejects = newRejects(&fileInMemory{&out}, &render.Language{})
		if err := errors.Join(in.Run(t.Context(), strings.NewReader(text)), in.Rejects.End(io.Discard)); err != nil {
			t.Fatal(err)
		}
		return out.String(), in
	}
	text := `{"out_trade_no":"A1","close_at":"x"}` + "\n{}\n[1]\n" + `{ "out_trade_no":"A2"` + "\n" + `{"out_trade_no":"A3","close_at":60}` + "\n"
	s := &shop{}
	rejected, in := run(s, text)
	if in.Added != 1 || !strings.HasPrefix(rejected, `{"rejected":{"line":1,"field":"close_at","rule":"must be a time such as`) {
		t.Errorf("%d added, and %s", in.Added, rejected)
	}
	again, in := run(s, rejected)
	if in.Rejects.Count != 4 || again != rejected {
		t.Errorf("imported again: got\n%s\nwant\n%s", again, rejected)
	}
	mended := strings.NewReplacer(`"x"`, "1", `{}`, `"out_trade_no":"A4","close_at":1}`, "[1]", "", `"A2"`, `"A2","close_at":1}`,
		`,}`, `,"out_trade_no":"A5","close_at":1}`).Replace(again)
	lines := strings.Split(mended, "\n")
	mended = strings.Join(slices.Delete(lines, 2, 3), "\n") // the one that is no object
	if left, in := run(s, mended); in.Added != 3 || left != "" {
		t.Errorf("mended: %d added, and %s left of\n%s", in.Added, left, mended)
	}
}

// Orders that `orders list --json` prints are registered as they were, and known where they are.
func TestImportOfAList(t *testing.T) {
	t.Parallel()
	total := int64(7)
	entries := []schedule.Entry{
		{Ref: ref("A1"), CloseIn: 0},
		{Ref: ref("A2"), CloseIn: time.Minute, Owner: "tcb:u1", Total: &total, API: order.V3, CreatedAt: time.Unix(1795917605, 0)},
		{Ref: ref("A3"), CloseAt: time.Unix(1795917605, 123456000)},
	}
	var text bytes.Buffer
	for _, e := range entries {
		render.JSON(&text, NewRecord(schedule.Record{Entry: e, Progress: schedule.GaveUp, RegisteredAt: time.Unix(1795917605, 0)}))
	}
	done := NewRecord(schedule.Record{Entry: schedule.Entry{Ref: ref("A4")}, Progress: schedule.Done, RegisteredAt: time.Unix(1, 0)})
	foreign := NewRecord(schedule.Record{Entry: schedule.Entry{Ref: ref("A5")}, Progress: schedule.Waiting, RegisteredAt: time.Unix(1, 0)})
	foreign.MchID = "1900000002"
	render.JSON(&text, done)
	render.JSON(&text, foreign)
	text.WriteString(`{"region":"cn","mchId":"1900000001","outTradeNo":"A6","registeredAt":"2026-11-29T10:00:00Z","closAt":"2026-11-29T10:00:00Z"}`)
	s := &shop{}
	in, _ := s.importer(JSONLines)
	in.Overdue = true
	if err := in.Run(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if got, there := s.orders[e.Ref]; !there || got.Differs(e) != "" {
			t.Errorf("%s: got %+v, which differs in %q", e.Ref, got, got.Differs(e))
		}
	}
	var faults []string
	for _, one := range in.Rejects.first {
		faults = append(faults, one.wording().EN)
	}
	want := []string{"A4: progress: is done: only", `A5: mchid: is an order of "1900000002" in "cn", and these are those of 1900000001 in cn`, "is not an order as `cloudpay orders list --json`"}
	for i := range want {
		if len(faults) != len(want) || !strings.HasPrefix(faults[i], want[i]) {
			t.Fatalf("got %q, want %q", faults, want)
		}
	}
}

// A spreadsheet's times are those of a zone, which has to be said.
func TestMoment(t *testing.T) {
	t.Parallel()
	zone := shanghai(t)
	for cell, want := range map[string]string{
		"2026/11/29 10:00":          "2026-11-29T10:00:00+08:00",
		"2026/1/2 9:05":             "2026-01-02T09:05:00+08:00",
		"2026-11-29 10:00:05":       "2026-11-29T10:00:05+08:00",
		"2026-11-29T10:00:05":       "2026-11-29T10:00:05+08:00",
		"2026年11月29日 10:00":         "2026-11-29T10:00:00+08:00",
		"2026/11/29":                "2026-11-29T00:00:00+08:00",
		"46355.4167":                "2026-11-29T10:00:03+08:00",
		"46355.416666666664":        "2026-11-29T10:00:00+08:00",
		"46355.999994":              "2026-11-29T23:59:59+08:00",
		"46355.9999999":             "2026-11-30T00:00:00+08:00",
		"2026-11-29T10:00:05Z":      "2026-11-29T10:00:05Z",
		"2026-11-29 10:00:05+08":    "2026-11-29T10:00:05+08:00",
		"2026-11-29 10:00:05+01:00": "2026-11-29T10:00:05+01:00",
		"1800":                      "1800",
		"1.5":                       "1.5",
		"tomorrow":                  "tomorrow",
		"":                          "",
	} {
		got, fault := moment(closeAt, cell, zone)
		if fault != nil || got != want {
			t.Errorf("%q: got %q and %v, want %q", cell, got, fault, want)
		}
		unzoned, fault := moment(closeAt, cell, nil)
		if needs := strings.HasSuffix(want, "+08:00") && !strings.Contains(cell, "+"); needs != (fault != nil) || needs && !strings.Contains(fault.rule.EN, "--zone") {
			t.Errorf("%q without a zone: got %q and %v", cell, unzoned, fault)
		}
	}
	for name, want := range map[string]string{"created_at": "2026-11-29T00:00:00+08:00", closeAt: ""} {
		if got, fault := moment(name, "46355", zone); got != want || (fault == nil) != (want != "") {
			t.Errorf("%s: got %q and %v, want %q", name, got, fault, want)
		}
	}
	if got, fault := moment(closeAt, "46355", nil); got != "46355" || fault != nil {
		t.Errorf("seconds: got %q and %v", got, fault)
	}
}

func TestFen(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"123.45": "12345", "0.05": "05", "100": "10000", "1.5": "150", "¥8.00": "800", "￥0": "00",
		"1.234": "", "1,000": "", "-1": "", ".5": "", "1.": "", "x": "", "1e3": "",
	} {
		if got, fault := fen(cell); got != want || (fault == nil) != (want != "") {
			t.Errorf("%q: got %q and %v, want %q", cell, got, fault, want)
		}
	}
}

// A header says what its columns are, or the fault says what is to be done.
func TestHeaders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header, mapped, closeAt string
		want                    string // the beginning of a fault; empty: the columns are known
	}{
		"names":                {"out_trade_no;close_at;Total", "", "", ""},
		"WeChat Pay's titles":  {"商户号,特约商户号,商户订单号", "", "1800", ""},
		"all others left out":  {"交易时间,商户订单号,商品名称,费率", "*=-", "1800", ""},
		"mapped":               {"订单号,关单时间,金额(元)", "订单号=out_trade_no,关单时间=closeAt,金额(元)=total:yuan", "", ""},
		"a separator's line":   {"sep=;\nout_trade_no;close_at", "", "", ""},
		"unknown":              {"订单号,close_at", "", "", `the header: column "订单号" is nothing that an order is registered with; that is out_trade_no`},
		"its remedy":           {"订单号,close_at", "", "", "* say which it is with --map '订单号=NAME', or leave it out with --map '订单号=-'"},
		"many":                 {"a,b,c,d,e,f,g,close_at,out_trade_no", "", "", "* 2 more columns are not known; --map '*=-' leaves out all"},
		"missing":              {"out_trade_no,total", "", "", `the header: column close_at is missing; the first line names the columns, with a comma, a semicolon or a tab between, and names "out_trade_no", "total"; --map 'TITLE=close_at' says which it is, or --close-at`},
		"missing number":       {"close_at", "", "", "the header: column out_trade_no is missing"},
		"mapped and not there": {"out_trade_no,close_at", "编号=total", "", `the header: column "编号" of --map is not there; it has "out_trade_no", "close_at"`},
		"twice":                {"商户订单号,out_trade_no,close_at", "", "", "the header: out_trade_no is there twice"},
		"an amount twice":      {"金额,total,out_trade_no,close_at", "金额=total:yuan", "", "the header: total is there twice"},
		"empty":                {"", "", "", "the file is empty: it must have a line that names the columns"},
		"blank":                {"\n \n,,\n", "", "", "the file is empty"},
		"nothing below it":     {"out_trade_no,close_at\n,\n", "", "", "the file has no orders: it must have a line for each below the header"},
		"a separator alone":    {"sep=;\n", "", "", "the file has no orders"},
		"too long":             {strings.Repeat("a", maxLine+1), "", "", "the header: is longer than 64 KiB"},
		"a time for all as well": {
			"out_trade_no,close_at\n", "", "1800", "the header: has close_at, and --close-at gives it to all orders: leave out the flag",
		},
		"a time for all instead": {"out_trade_no,close_at\n", "close_at=-", "1800", ""},
		"UTF-16 without a mark":  {"o\x00u\x00t\x00", "", "", "the file has NUL bytes and no byte order mark"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			columns, err := ParseColumns(c.mapped)
			if err != nil {
				t.Fatal(err)
			}
			in, _ := (&shop{}).importer(CSV)
			in.Columns, in.CloseAt = columns, c.closeAt
			text := c.header
			if c.want == "" {
				text += "\nA 1,," // a line below it, which is rejected
			}
			err = in.Run(t.Context(), strings.NewReader(text))
			part, anywhere := strings.CutPrefix(c.want, "* ")
			switch {
			case c.want == "":
				if err != nil {
					t.Errorf("got %v", err)
				}
			case err == nil, !anywhere && !strings.HasPrefix(err.Error(), part), !strings.Contains(err.Error(), part):
				t.Errorf("got %v, want %s", err, c.want)
			}
			if _, is := errors.AsType[*FileError](err); is != (c.want != "") {
				t.Errorf("got a FileError: %t", is)
			}
		})
	}
	in, _ := (&shop{}).importer(JSONLines)
	if err := in.Run(t.Context(), strings.NewReader("\n")); err == nil || !strings.HasPrefix(err.Error(), `the file is empty: it must have {"out_trade_no"`) {
		t.Errorf("empty JSON Lines: got %v", err)
	}
	for _, text := range []string{"a", "=total", "a=amount", "a=total,a=api", "*=total"} {
		if got, err := ParseColumns(text); err == nil {
			t.Errorf("--map %s: got %v, want a fault", text, got)
		}
	}
}

// The export of a service provider is registered by its sub-merchants, and another merchant's not.
func TestWeChatPayExport(t *testing.T) {
	t.Parallel()
	s := &shop{}
	in, _ := s.importer(CSV)
	in.Merchant.Partner = true
	in.Columns, in.CloseAt = Columns{"*": passedOver, "下单时间": "created_at", "订单金额": inYuan}, "1800"
	in.Zone = shanghai(t)
	text := "下单时间,公众账号ID,商户号,特约商户号,商户订单号,订单金额\n" +
		"`2026-11-29 10:00:05,`wx0,`1900000001,`1900000109,`00123,`12.30\n" +
		"`2026-11-29 10:00:05,`wx0,`1900000002,`1900000109,`00124,`12.30\n" +
		"`2026-11-29 10:00:05,`wx0,`1900000001,`0,`00125,`12.30\n"
	if err := in.Run(t.Context(), strings.NewReader(text)); err != nil || in.Added != 1 || in.Rejects.Count != 2 {
		t.Fatalf("got %d added and %v, rejected %v", in.Added, err, in.Rejects.first)
	}
	r := ref("00123")
	r.SubMchID = "1900000109"
	if e := s.orders[r]; *e.Total != 1230 || e.CloseIn != 30*time.Minute || !e.CreatedAt.Equal(time.Unix(1795917605, 0)) {
		t.Errorf("got %+v", e)
	}
	if text := in.Rejects.first[0].wording().EN; !strings.Contains(text, `00124: mchid: is an order of "1900000002"`) {
		t.Errorf("got %s", text)
	}
	if text := in.Rejects.first[1].wording().EN; !strings.Contains(text, "00125: sub_mch_id: a service provider must name") {
		t.Errorf("got %s", text)
	}
}

// A part of a combined order is not registered: by its own number it would not be found, although
// it can be paid.
func TestPartsOfCombinedOrders(t *testing.T) {
	t.Parallel()
	s := &shop{}
	in, _ := s.importer(CSV)
	in.CloseAt, in.Columns = "1800", Columns{"*": passedOver}
	if err := in.Run(t.Context(), strings.NewReader("合单商户订单号,商户订单号,商品\nC1,A1,水\n,A2,茶\n")); err != nil {
		t.Fatal(err)
	}
	if first := in.Rejects.first; in.Added != 1 || len(first) != 1 ||
		!strings.HasPrefix(first[0].wording().EN, "A1: combine_out_trade_no: a combined order cannot be registered, and its orders must not be") {
		t.Errorf("got %d added, and rejected %+v", in.Added, first)
	}
}

// Of a line that is too long its beginning is kept, with the reason, and is never an order.
func TestRejectedLongLines(t *testing.T) {
	t.Parallel()
	for format, text := range map[Format]string{
		CSV:       "rejected_line,rejected_field,rejected_rule,out_trade_no,close_at\n9,line,old,A1,1800" + strings.Repeat(" ", 2*maxLine) + "\n",
		JSONLines: `{"rejected":{"line":9,"rule":"old"},"out_trade_no":"A1","close_at":1800}` + strings.Repeat(" ", 2*maxLine),
	} {
		s := &shop{}
		for range 2 {
			var out strings.Builder
			in, _ := s.importer(format)
			in.Rejects = newRejects(&fileInMemory{&out}, &render.Language{})
			if err := errors.Join(in.Run(t.Context(), strings.NewReader(text)), in.Rejects.End(io.Discard)); err != nil || in.Rejects.Count != 1 {
				t.Fatalf("%s: got %d rejected and error %v, want 1", format, in.Rejects.Count, err)
			}
			text = out.String()
			if len(text) > 2*maxBeginning || strings.Contains(text, "old") || !strings.Contains(text, "A1") || !strings.Contains(text, "…") {
				t.Errorf("%s: got %q, want the line's beginning without the old reason", format, text)
			}
		}
	}
}

// Orders whose time is past are counted, since they are closed at once.
func TestDueAtOnce(t *testing.T) {
	t.Parallel()
	s := &shop{}
	text := "out_trade_no,close_at\nA1,2026-01-01T10:00:00Z\nA2,2099-01-01T10:00:00Z\nA3,0\n"
	for _, want := range []int{1, 0} { // the second time they are known
		in, _ := s.importer(CSV)
		in.Overdue = true
		if err := in.Run(t.Context(), strings.NewReader(text)); err != nil || in.DueAtOnce != want {
			t.Errorf("got %d due at once and error %v, want %d", in.DueAtOnce, err, want)
		}
	}
}

// A close_at that is long past is likely a mistake, unless the order is registered with it already.
func TestOverdueOrders(t *testing.T) {
	t.Parallel()
	s := &shop{}
	text := "out_trade_no,close_at,created_at,overdue\nA1,2026-01-01T10:00:00Z,,\nA2,2026-01-01T10:00:00Z,,true\n" +
		"A3,2099-01-01T10:00:00Z,2099-02-01T10:00:00Z,\nA4,0,,\n"
	run := func(overdue bool, added, known int, want ...string) {
		t.Helper()
		in, _ := s.importer(CSV)
		in.Overdue = overdue
		if err := in.Run(t.Context(), strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, one := range in.Rejects.first {
			got = append(got, strings.Join(strings.Fields(one.wording().EN)[:5], " "))
		}
		if in.Added != added || in.Known != known || !slices.Equal(got, want) {
			t.Errorf("got %d added, %d known, rejected %q; want %d, %d, %q", in.Added, in.Known, got, added, known, want)
		}
	}
	run(false, 2, 0, "A1: close_at: is more than", "A3: close_at: lies before created_at:")
	run(true, 2, 2)
	run(false, 0, 4) // the same facts are never refused
}

// A withdrawn order is counted, and registered anew where the file or a flag asks for it.
func TestWithdrawnOrders(t *testing.T) {
	t.Parallel()
	s := &shop{withdrawn: map[string]bool{}}
	text := "out_trade_no,close_at,again\nA1,1800,\nA2,1800,\nA3,2026-01-01T10:00:00Z,true\n"
	run := func(again, overdue bool, want ...int) {
		t.Helper()
		in, _ := s.importer(CSV)
		in.Again, in.Overdue = again, overdue
		if err := in.Run(t.Context(), strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if got := []int{in.Added, in.Known, in.Withdrawn, in.Anew, in.Rejects.Count}; !slices.Equal(got, want) {
			t.Errorf("got %v added, known, withdrawn, anew and rejected; want %v", got, want)
		}
	}
	run(false, true, 3, 0, 0, 0, 0)
	s.withdrawn["A1"], s.withdrawn["A3"] = true, true
	run(false, false, 0, 1, 1, 0, 1) // A3 is to be registered anew, and long past
	run(false, true, 0, 1, 1, 1, 0)
	run(true, false, 0, 2, 0, 1, 0)
}

// An import that was interrupted says the line that it goes on at.
func TestResumes(t *testing.T) {
	t.Parallel()
	const orders = 2*inBatch + 10
	var text strings.Builder
	text.WriteString("\nout_trade_no,close_at\n")
	for i := range orders {
		fmt.Fprintf(&text, "N%d,1800\n", i)
	}
	text.WriteString("N1,60\n")
	s := &shop{}
	in, _ := s.importer(CSV)
	register := in.Register
	broken := errors.New("out of reach")
	in.Register = func(ctx context.Context, requests []registering.Request) ([]schedule.Registration, error) {
		if len(s.orders) == inBatch {
			return nil, broken
		}
		return register(ctx, requests)
	}
	if err := in.Run(t.Context(), strings.NewReader(text.String())); !errors.Is(err, broken) || in.NextLine != 3+inBatch {
		t.Fatalf("got %v at line %d, want %d", err, in.NextLine, 3+inBatch)
	}
	goesOn, _ := s.importer(CSV)
	goesOn.FromLine = in.NextLine
	if err := goesOn.Run(t.Context(), strings.NewReader(text.String())); err != nil {
		t.Fatal(err)
	}
	if goesOn.Lines != orders-inBatch+1 || goesOn.Added != orders-inBatch || goesOn.Known != 0 || len(s.orders) != orders {
		t.Errorf("got %d lines, %d added, %d known; %d orders in all", goesOn.Lines, goesOn.Added, goesOn.Known, len(s.orders))
	}
	if first := goesOn.Rejects.first; len(first) != 1 || first[0].line != orders+3 {
		t.Errorf("rejected: got %+v, want line %d", first, orders+3)
	}
	path := filepath.Join(t.TempDir(), "rejects.csv")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRejects(path, nil, true, &render.Language{}); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("got %v, want the rejected lines of the import before to be kept", err)
	}
}
