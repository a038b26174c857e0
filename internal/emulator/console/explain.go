package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"cloudpay/internal/bilingual"
)

// A text that a person has of an exchange with WeChat Pay is explained by the management API's POST
// /explain. The page sends the text there and shows the answer; it keeps neither.

const (
	// maxText bounds the text, as the management API does, and maxExplainForm the form that brings
	// it: the text twice, typed and as a file.
	maxText        = 64 << 10
	maxExplainForm = 2*maxText + 16<<10
	// shownCandidates is how many causes are shown at once of those that may be.
	shownCandidates = 8
)

// explained is what POST /explain answers (docs/cli.md, "explain"). Its sentences are in the
// language of the page, and no key is in it.
type explained struct {
	// Keys are the names of the keys that there were, and Unusable says which could not be used.
	Keys     []string `json:"keys"`
	Unusable []string `json:"unusableKeys"`
	// Notes are what was passed over or could not be read; a Line of 0 is about the whole.
	Notes []struct {
		Line int    `json:"line"`
		Text string `json:"text"`
	} `json:"notes"`
	Answers []explainedPart `json:"answers"`
}

// explainedPart is one part of the text: a request, a reply, a code.
type explainedPart struct {
	// Form is what it was taken for, and Lines are its first and its last.
	Form  string `json:"form"`
	Lines [2]int `json:"lines"`
	API   string `json:"api"`
	Title string `json:"title"`
	// Verdict is fine, fault or unknown.
	Verdict string `json:"verdict"`
	// Said is what the other side said in its own words.
	Said string `json:"said"`
	// Causes are those that are certain and those that may be, the likeliest of each first.
	Causes []explainedCause `json:"causes"`
	// Expected should have been signed, and Signed was; empty where that is not known.
	Expected string `json:"expected"`
	Signed   string `json:"signed"`
	// Codes are the error codes in it, with what they mean.
	Codes []struct {
		Code    string `json:"code"`
		Meaning string `json:"meaning"`
		Remedy  string `json:"remedy"`
		Retry   string `json:"retry"`
	} `json:"codes"`
	Remarks []string `json:"remarks"`
	// Unchecked is what could not be checked, and what it takes.
	Unchecked []string `json:"unchecked"`
}

// explainedCause is a cause: one that the signature proves, or one of several that may be.
type explainedCause struct {
	// ID is the row of docs/why.md.
	ID      string `json:"id"`
	Certain bool   `json:"certain"`
	// What went wrong, and Remedy is an instruction.
	What   string `json:"what"`
	Remedy string `json:"remedy"`
	// Decides is what tells it from the others that may be; empty where it is certain.
	Decides string `json:"decides"`
}

// Proved are the causes that are certain.
func (p explainedPart) Proved() (proved []explainedCause) {
	for _, one := range p.Causes {
		if one.Certain {
			proved = append(proved, one)
		}
	}
	return proved
}

// Likely are the first of the causes that may be, and Unlikely those behind them.
func (p explainedPart) Likely() []explainedCause {
	may := p.candidates()
	return may[:min(len(may), shownCandidates)]
}

// Unlikely are the causes behind the likely ones.
func (p explainedPart) Unlikely() []explainedCause {
	may := p.candidates()
	return may[min(len(may), shownCandidates):]
}

// candidates are the causes that may be, the likeliest first.
func (p explainedPart) candidates() (may []explainedCause) {
	for _, one := range p.Causes {
		if !one.Certain {
			may = append(may, one)
		}
	}
	return may
}

// Marked are the two strings side by side, as the page of a request has them; the second is nil
// where it is not known what was signed.
func (p explainedPart) Marked() (marked [2][]span) {
	switch {
	case p.Expected != "" && p.Signed != "":
		return compare(p.Expected, p.Signed)
	case p.Expected != "":
		marked[0] = []span{{Text: visible([]rune(p.Expected), false)}}
	case p.Signed != "":
		marked[1] = []span{{Text: visible([]rune(p.Signed), false)}}
	}
	return marked
}

// formWords say what a part of a text was taken for.
var formWords = map[string]bilingual.Text{
	"request": bilingual.New("request", "请求"), "reply": bilingual.New("reply", "应答"),
	"notification": bilingual.New("notification", "通知"), "document": bilingual.New("document", "报文"),
	"exchange": bilingual.New("row of the history", "历史记录"), "log": bilingual.New("log line", "日志行"),
	"message": bilingual.New("error text", "错误文本"), "code": bilingual.New("error code", "错误码"),
}

// FormWord is the word for what a part was taken for; the form itself if there is none.
func (l language) FormWord(form string) string {
	if text, known := formWords[form]; known {
		return l.In(text)
	}
	return form
}

// explainView is the page.
type explainView struct {
	// Text is what was typed, and Keyless says that no keys are to be used.
	Text    string
	Keyless bool
	// Explained is the answer; nil before one. Wrong is why there is none.
	Explained *explained
	Wrong     bilingual.Text
	// Curl is the call as a command.
	Curl string
}

// showExplain shows the form.
func (c *Console) showExplain(w http.ResponseWriter, r *http.Request) {
	c.explainPage(w, r, http.StatusOK, explainView{})
}

// explainPage answers the page. It belongs to the room of the requests.
func (c *Console) explainPage(w http.ResponseWriter, r *http.Request, status int, page explainView) {
	v := newView(r, "requests", bilingual.New("Explain a request", "解释一个请求"))
	v.Back = "/explain"
	page.Curl = "curl --data-binary @exchange.txt " + quoted(c.api.admin+"/explain")
	v.Data = page
	c.render(w, r, status, "explain", v)
}

// explain has the text of a form explained, and shows the answer above it.
func (c *Console) explain(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxExplainForm)
	text, err := explainedText(r)
	page := explainView{Text: text, Keyless: r.PostFormValue("keys") == "none"}
	if err == nil {
		page.Explained, err = c.askExplain(r.Context(), languageOf(r), text, page.Keyless)
	}
	status := http.StatusOK
	if err != nil {
		status, page.Wrong = http.StatusUnprocessableEntity, bilingual.Wording(err)
	}
	c.explainPage(w, r, status, page)
}

// askExplain calls POST /explain.
func (c *Console) askExplain(ctx context.Context, in language, text string, keyless bool) (*explained, error) {
	keys := ""
	if keyless {
		keys = "none"
	}
	address := withQuery(c.api.admin+"/explain", "lang", in.T("en", "zh"), "keys", keys)
	var answer explained
	if _, err := c.api.send(ctx, posting(address, []byte(text)), &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}

// explainedText is the file of a form, or what was typed where there is none. A browser sends the
// lines of a text field with CR and LF, whatever they were: they become line feeds, as in nearly
// every body. A file's bytes are kept, which a signature over a body with CR and LF needs.
func explainedText(r *http.Request) (string, error) {
	file, _, err := r.FormFile("file")
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return "", bilingual.Errorf("the text is longer than %d KiB: give the exchange that went wrong alone", "文本超过 %d KiB：请只给出出错的那次交互",
			maxText>>10)
	}
	if err == nil {
		defer func() { _ = file.Close() }() // it was only read
		text, err := io.ReadAll(file)
		if err != nil {
			return "", bilingual.Errorf("the file did not arrive whole", "文件未完整送达")
		}
		if len(text) > 0 {
			return string(text), nil
		}
	}
	return strings.ReplaceAll(r.PostFormValue("text"), "\r\n", "\n"), nil
}
