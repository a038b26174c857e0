package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"cloudpay/internal/bilingual"
)

// language is the one that a page is written in. The zero value is English.
type language struct{ Chinese bool }

// T is a text of a page. Templates call it: {{.T "Orders" "订单"}}.
func (l language) T(en, zh string) string { return bilingual.New(en, zh).In(l.Chinese) }

// In is a text that comes from elsewhere.
func (l language) In(text bilingual.Text) string { return text.In(l.Chinese) }

// Language is the language itself, for what words a value.
func (l language) Language() language { return l }

// Tag is the language's name in HTML.
func (l language) Tag() string { return l.T("en", "zh-CN") }

// languageCookie keeps the language that was chosen.
const languageCookie = "cloudpay_language"

// languageOf is the language of a request: ?lang= in its address, else the one that was chosen,
// else the browser's.
func languageOf(r *http.Request) language {
	if asked := r.URL.Query().Get("lang"); asked == "en" || asked == "zh" {
		return language{asked == "zh"}
	}
	if cookie, err := r.Cookie(languageCookie); err == nil && (cookie.Value == "en" || cookie.Value == "zh") {
		return language{cookie.Value == "zh"}
	}
	return language{prefersChinese(r.Header.Get("Accept-Language"))}
}

// prefersChinese reports whether a browser's languages (RFC 9110, section 12.5.4) have Chinese
// before English.
func prefersChinese(accepted string) bool {
	best := map[string]float64{}
	for item := range strings.SplitSeq(accepted, ",") {
		name, parameters, _ := strings.Cut(strings.TrimSpace(item), ";")
		weight := 1.0
		if text, has := strings.CutPrefix(strings.TrimSpace(parameters), "q="); has {
			weight, _ = strconv.ParseFloat(text, 64) // 0 if it is no number
		}
		name, _, _ = strings.Cut(strings.ToLower(name), "-")
		best[name] = max(best[name], weight)
	}
	return best["zh"] > best["en"]
}

// chooseLanguage keeps a language for a year, and leads back to the page.
func chooseLanguage(w http.ResponseWriter, r *http.Request) {
	chosen := r.PostFormValue("lang")
	if chosen != "en" && chosen != "zh" {
		http.Error(w, "lang: must be en or zh", http.StatusBadRequest)
		return
	}
	const year = 365 * 24 * 60 * 60
	http.SetCookie(w, &http.Cookie{
		Name: languageCookie, Value: chosen, Path: "/", MaxAge: year, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, ownPath(r.PostFormValue("back")), http.StatusSeeOther)
}

// ownPath is an address of this server, without ?lang=; the first page for any other.
func ownPath(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") ||
		strings.Contains(u.Path, `\`) {
		return "/"
	}
	query := u.Query()
	query.Del("lang")
	return (&url.URL{Path: u.Path, RawQuery: query.Encode()}).String()
}
