package console

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cloudpay/internal/bilingual"
)

//go:embed templates/*.html
var templateFiles embed.FS

// maxForm bounds a form, in bytes.
const maxForm = 64 << 10

// pages are the templates by the name of their file. Each has the layout.
type pages map[string]*template.Template

// templateNames are the pages' files in the folder templates, without their .html.
func templateNames() []string {
	return []string{
		"overview", "orders", "order", "action", "requests", "request", "explain", "invoke", "callers", "caller",
		"faults", "time", "sweep", "events", "event", "settings", "fault",
	}
}

// loadPages parses the templates.
func loadPages(files assets) (pages, error) {
	functions := template.FuncMap{
		"asset": files.address, "style": func() template.CSS { return style }, "icon": func() template.HTML { return icon },
		"at": inBeijing, "day": dayInBeijing, "hour": hourInBeijing,
		"moment": machineTime, "yuan": yuan, "dict": dict,
		"odd": func(i int) bool { return i%2 == 1 },
	}
	shared, err := template.New("").Funcs(functions).ParseFS(templateFiles,
		"templates/layout.html", "templates/rows.html", "templates/forms.html")
	if err != nil {
		return nil, fmt.Errorf("parsing the layout: %w", err)
	}
	all := pages{}
	for _, name := range templateNames() {
		own, err := shared.Clone()
		if err == nil {
			own, err = own.ParseFS(templateFiles, "templates/"+name+".html")
		}
		if err != nil {
			return nil, fmt.Errorf("parsing the page %s: %w", name, err)
		}
		all[name] = own
	}
	all["rows"] = shared
	return all, nil
}

// room is a page of the navigation.
type room struct {
	// Name is the first segment of the page's address, but for the first page.
	Name, Path string
	// Key goes to the page behind the key g.
	Key   string
	Title bilingual.Text
}

// rooms are the pages of the navigation, in its order.
func rooms() []room {
	return []room{
		{"overview", "/", "h", bilingual.New("Overview", "总览")},
		{"orders", "/orders", "o", bilingual.New("Orders", "订单")},
		{"requests", "/requests", "r", bilingual.New("Requests", "请求")},
		{"invoke", "/invoke", "i", bilingual.New("Invoke", "调用")},
		{"callers", "/callers", "c", bilingual.New("Callers", "调用方")},
		{"faults", "/faults", "f", bilingual.New("Faults", "故障")},
		{"time", "/time", "t", bilingual.New("Time", "时间")},
		{"sweep", "/sweep", "s", bilingual.New("Sweep", "扫描")},
		{"events", "/events", "e", bilingual.New("Events", "事件")},
		{"settings", "/settings", "x", bilingual.New("Settings", "设置")},
	}
}

// view is what a page's template gets.
type view struct {
	language

	// Room is the name of the room that the navigation marks, one of Rooms.
	Room  string
	Rooms []room
	// Title is the page's title.
	Title bilingual.Text
	// Back is the page's own address, to which a change of the language leads back.
	Back string
	// Here is the address that shows this page without doing anything again; empty: its own is.
	Here string
	// Live is the address of the stream that tells of changes; empty: the page stays as it is.
	Live string
	// Curls are the calls that the page shows the answers of.
	Curls []string
	// Clock is the world's clock; nil: it could not be read.
	Clock *clock
	// Data is the page's own.
	Data any
}

// newView begins a page.
func newView(r *http.Request, room string, title bilingual.Text) *view {
	return &view{language: languageOf(r), Room: room, Rooms: rooms(), Title: title, Back: r.URL.RequestURI()}
}

// curl adds a call that was made.
func (v *view) curl(address string) { v.Curls = append(v.Curls, curlOf(http.MethodGet, address, "")) }

// curlOf is a call as a command for a POSIX shell. header has names and values in turn.
func curlOf(method, address, body string, header ...string) string {
	words := []string{"curl"}
	if method != http.MethodGet {
		words = append(words, "-X", method)
	}
	words = append(words, quoted(address))
	for i := 0; i+1 < len(header); i += 2 {
		words = append(words, "-H", quoted(header[i]+": "+header[i+1]))
	}
	if body != "" {
		words = append(words, "-d", quoted(body))
	}
	return strings.Join(words, " ")
}

// quoted is a text as one word of a POSIX shell: '…', with what does not print written by printf.
// As it is, a terminal would take a control character of a stranger's for a key when the command is
// pasted: 0x03 or 0x15 drops the line, and what stands behind it becomes a command of its own.
// Neither would HTML keep a carriage return, nor show which way a text runs. A NUL is lost: no
// program can have one in its arguments.
func quoted(text string) string {
	var word strings.Builder
	word.WriteByte('\'')
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch isBroken := r == utf8.RuneError && size == 1; {
		case r == '\'':
			word.WriteString(`'\''`)
		case isBroken, !strconv.IsPrint(r) && r != '\n':
			word.WriteString(`'"$(printf '`)
			for _, b := range []byte(text[i : i+size]) {
				fmt.Fprintf(&word, `\%03o`, b)
			}
			word.WriteString(`')"'`)
		default:
			word.WriteRune(r)
		}
	}
	word.WriteByte('\'')
	return word.String()
}

// render answers a page. It is made whole before its first byte is sent, so that a fault of a
// template is a 500 and no half page. Every page has the clock, which is read here; without an
// answer the page is shown without it.
func (c *Console) render(w http.ResponseWriter, r *http.Request, status int, name string, v *view) {
	v.Clock = c.clock(r.Context())
	var text bytes.Buffer
	if err := c.pages[name].ExecuteTemplate(&text, "layout", v); err != nil {
		http.Error(w, "the page could not be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", v.Tag())
	header.Set("Vary", "Accept-Encoding, Accept-Language, Cookie")
	var packed []byte
	if takesGzip(r) {
		packed = compressed(text.Bytes())
		header.Set("Content-Encoding", "gzip")
	}
	w.WriteHeader(status)
	if packed != nil {
		_, _ = w.Write(packed) // the browser may have gone
		return
	}
	_, _ = w.Write(text.Bytes()) // likewise
}

// fail answers a page with the reason why there is none: that of the management API with its own
// status, or 502 if that did not answer.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, room string, err error) {
	status := http.StatusBadGateway
	if refusal, is := errors.AsType[*apiError](err); is && refusal.status < http.StatusInternalServerError {
		status = refusal.status
	}
	v := newView(r, room, bilingual.New("This page cannot be shown", "无法显示此页"))
	v.Back, v.Data = ownPath(v.Back), bilingual.Wording(err)
	c.render(w, r, status, "fault", v)
}

// showMissing answers an address that is not there.
func (c *Console) showMissing(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "there is no such action", http.StatusNotFound)
		return
	}
	c.fail(w, r, "", &apiError{http.StatusNotFound, bilingual.New("there is no such page", "没有此页").In(languageOf(r).Chinese)})
}

// beijing is the time zone of WeChat Pay's documents.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// inBeijing is a time as the pages show it, in UTC+8; empty for none.
func inBeijing(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return dayInBeijing(t) + " " + hourInBeijing(t)
}

// dayInBeijing is the day of a time, with the year unless it is this machine's.
func dayInBeijing(t time.Time) string {
	if t.In(beijing).Year() == time.Now().In(beijing).Year() {
		return t.In(beijing).Format("01-02")
	}
	return t.In(beijing).Format("2006-01-02")
}

// hourInBeijing is the time of the day.
func hourInBeijing(t time.Time) string { return t.In(beijing).Format("15:04:05") }

// machineTime is a time for <time datetime>.
func machineTime(t time.Time) string { return t.In(beijing).Format(time.RFC3339) }

// yuan is an amount of fen as people write it; a dash for none.
func yuan(fen *int64) string {
	if fen == nil {
		return "–"
	}
	return fmt.Sprintf("¥%d.%02d", *fen/100, *fen%100)
}

// dict makes a map for a nested template, of names and values in turn.
func dict(pairs ...any) map[string]any {
	all := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if name, is := pairs[i].(string); is {
			all[name] = pairs[i+1]
		}
	}
	return all
}
