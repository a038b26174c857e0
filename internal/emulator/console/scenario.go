package console

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode"

	"cloudpay/internal/bilingual"
)

// A scenario is everything of the page Faults in one file. It is kept by the person, as a download,
// and not by the emulator: a folder of named files would need names that are checked, a list, and a
// way to remove one, where every browser and every repository has these already. The file is the
// answer of GET /scenario as it is, so that curl and --scenario take what the page saves.

// maxScenario bounds a scenario, as the management API does, and maxUpload the form that brings it.
const (
	maxScenario = 256 << 10
	maxUpload   = maxScenario + 16<<10
)

// saveScenario answers what goes wrong now as a file of the name that was asked for. The browser
// keeps it: the emulator keeps no faults from one run to the next.
func (c *Console) saveScenario(w http.ResponseWriter, r *http.Request) {
	var text []byte
	if _, err := c.api.get(r.Context(), c.api.admin+"/scenario", &text); err != nil {
		c.fail(w, r, "faults", err)
		return
	}
	// As an attachment it is saved, and not shown: what strangers wrote into it never is a page.
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	file := scenarioName(r.URL.Query().Get("name")) + ".json"
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file}))
	_, _ = w.Write(text) // the browser may have gone
}

// scenarioName is a name that every system takes for a file: letters, digits, - and _.
func scenarioName(name string) string {
	const longest = 64
	kept := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return r
		// A dot could begin a hidden file, or lead out of a folder.
		case unicode.IsSpace(r), r == '.':
			return '-'
		}
		return -1
	}, strings.TrimSpace(name))
	if runes := []rune(kept); len(runes) > longest {
		kept = string(runes[:longest])
	}
	if kept == "" {
		return "scenario"
	}
	return kept
}

// loadScenario sets what goes wrong to what a file says, which replaces everything.
func (c *Console) loadScenario(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	address := c.api.admin + "/scenario"
	page := faultsView{done: done{Calls: []string{"curl --data-binary @scenario.json " + quoted(address)}}}
	name, text, err := uploaded(r)
	if err == nil {
		// The text goes on as it is: what is wrong with it is the management API's to say.
		_, err = c.api.send(r.Context(), posting(address, text), nil)
	}
	c.faultsChanged(w, r, page, bilingual.Sprintf("The scenario %s is set.", "已应用场景 %s。", name), err)
}

// uploaded reads the file of a form.
func uploaded(r *http.Request) (name string, text []byte, err error) {
	file, header, err := r.FormFile("file")
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return "", nil, bilingual.Errorf("the file is longer than %d KiB", "文件超过 %d KiB", maxScenario>>10)
	}
	if err != nil {
		// No file was chosen, or the form is not that of this page.
		return "", nil, bilingual.Errorf("choose a file that was saved here before", "请选择此前保存的文件")
	}
	defer func() { _ = file.Close() }() // it was only read
	if text, err = io.ReadAll(file); err != nil {
		return "", nil, bilingual.Errorf("the file did not arrive whole", "文件未完整送达")
	}
	return header.Filename, text, nil
}
