package desk

import (
	"context"
	_ "embed"
	"html/template"
	"net/http"
	"strings"

	"cloudpay/internal/bilingual"
)

// consolePage is the page on the console's port. It says what is where; it shows no key.
//
//go:embed console.html
var consolePage string

//go:embed console.css
var consoleStyle []byte

// ServeConsole serves a page at an address until Close: what runs at which address, and how an SDK
// is pointed here. It has content from Describe on.
func (d *Desk) ServeConsole(ctx context.Context, address string) error {
	page, err := template.New("console").Parse(consolePage)
	if err != nil {
		return bilingual.Errorf("reading the console's page: %w", "读取控制台页面：%w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /console.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(consoleStyle) // the reader may have gone
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { d.showConsole(w, r, page) })
	d.consoleURL, err = d.serve(ctx, "console", address, onlyHere(withPolicy(mux)))
	return err
}

// withPolicy lets a browser load from this server only, and show the page in no other.
func withPolicy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy",
			"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// consoleRow is one thing that serves.
type consoleRow struct {
	Name, URL, Does string
}

// showConsole writes the page, in Chinese for a browser that prefers it or with ?lang=zh.
func (d *Desk) showConsole(w http.ResponseWriter, r *http.Request, page *template.Template) {
	described := d.described.Load()
	if described == nil {
		http.Error(w, "the emulator is starting: reload this page", http.StatusServiceUnavailable)
		return
	}
	chinese := strings.HasPrefix(r.Header.Get("Accept-Language"), "zh")
	if lang := r.URL.Query().Get("lang"); lang != "" {
		chinese = lang == "zh"
	}
	in := func(en, zh string) string { return bilingual.New(en, zh).In(chinese) }
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, map[string]any{ // the reader may have gone
		"Lang":  in("en", "zh"),
		"Title": in("cloudpay emulator", "cloudpay 模拟器"),
		"Where": in("What is where", "各项服务的地址"),
		"Point": in("Point an SDK here", "让 SDK 指向这里"),
		"Note":  in("docs/emulator.md has the rest. Keys are files in the emulator's folder.", "其余见 docs/emulator.md。密钥为模拟器目录中的文件。"),
		"Rows":  described.rows(in),
		"Cloud": described.CloudURL,
		"Host":  strings.TrimPrefix(described.CloudURL, "http://"),
	})
}

// rows are all that serves, in the order of the ports.
func (d Description) rows(in func(en, zh string) string) []consoleRow {
	return []consoleRow{
		{in("gateway", "网关"), d.GatewayURL, in("WeChat Pay, APIv2 and APIv3", "微信支付，APIv2 与 APIv3")},
		{in("backup", "备用域名"), d.BackupURL, in("the same by its backup domain", "同上，经其备用域名")},
		{in("management API", "管理接口"), d.AdminURL + "/orders", in("orders, the clock, faults, requests", "订单、时钟、故障、请求历史")},
		{in("cloud", "云"), d.CloudURL + "/v1/functions", in("the functions, timers, queues, HTTP triggers", "云函数、定时器、队列、HTTP 触发器")},
		{in("console", "控制台"), d.ConsoleURL, in("this page", "本页")},
		{in("event sink", "事件接收器"), d.EventsURL + "/events", in("events of registered orders", "登记订单的事件")},
	}
}
