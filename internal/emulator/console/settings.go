package console

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
)

// The page shows what every variable does, which of them a function has and where the value is
// from, and has doctor examine the deployment. Both are calls of the management API, which masks
// what may be a secret: none gets to this process's pages.

// settings is what GET /settings answers. Its sentences are in the language of the page.
type settings struct {
	// Table is every variable of cloudpay's functions, in the README's order.
	Table     []settingRow      `json:"table"`
	Functions []settingFunction `json:"functions"`
}

// settingRow is what a variable does.
type settingRow struct {
	Name string `json:"name"`
	// Values are the accepted ones, and Meaning is what it does, in Markdown.
	Values  string `json:"values"`
	Meaning string `json:"meaning"`
	// Default is what an absent one means; empty where that depends on others.
	Default string `json:"default"`
}

// settingFunction is a function with its variables.
type settingFunction struct {
	Name string `json:"name"`
	// Own says that it is one of cloudpay's, which the table is about.
	Own bool      `json:"own"`
	Set []setting `json:"set"`
	// Faults are what the configuration refuses.
	Faults []string `json:"faults"`
}

// setting is a variable that has a value. Masked values are not in the answer.
type setting struct {
	Name string `json:"name"`
	// Source is emulator, description, --env or --env-file.
	Source string `json:"source"`
	Value  string `json:"value"`
	Masked bool   `json:"masked"`
}

// shownSetting is a row of the page: a variable with what it does and what it is set to.
type shownSetting struct {
	settingRow

	Setting setting
	// Set says that it has a value, of its own or in a file. VariableName is its name in the
	// function, NAME or NAME_FILE.
	Set          bool
	VariableName string
}

// finding is a result of one of doctor's checks.
type finding struct {
	Check string `json:"check"`
	// Level is fault, warning, skipped, fine or fact.
	Level   string `json:"level"`
	Subject string `json:"subject"`
	Found   string `json:"found"`
	Remedy  string `json:"remedy"`
}

// examination is what POST /doctor answers.
type examination struct {
	Findings []finding `json:"findings"`
	Faults   int       `json:"faults"`
	Warnings int       `json:"warnings"`
}

// settingsView is the page.
type settingsView struct {
	// Functions are the names to choose from, and Chosen is the one that is shown.
	Functions []string
	Chosen    settingFunction
	// Rows are the variables of the table, those first that are set; Others are further variables
	// of the function.
	Rows, Others []shownSetting
	// Files can be examined instead of the emulated deployment, and File is the one that was.
	Files []string
	File  string
	// Examined is doctor's answer; nil before one. Wrong is why there is none.
	Examined *examination
	Wrong    bilingual.Text
	// DoctorCurl and FileCurl are the calls of the form as commands; the latter is empty without a
	// file.
	DoctorCurl, FileCurl string
}

// showSettings shows the settings of the function that ?function= names, of the first without it.
func (c *Console) showSettings(w http.ResponseWriter, r *http.Request) {
	c.settingsPage(w, r, http.StatusOK, settingsView{})
}

// settingsPage answers the page, with what doctor found.
func (c *Console) settingsPage(w http.ResponseWriter, r *http.Request, status int, page settingsView) {
	v := newView(r, "settings", bilingual.New("Settings", "设置"))
	if r.Method != http.MethodGet {
		v.Back = "/settings" // a change of the language after an examination makes no other one
	}
	var read settings
	var files struct{ Files []string }
	lang := v.T("en", "zh")
	for address, into := range map[string]any{
		withQuery(c.api.admin+"/settings", "lang", lang): &read, withQuery(c.api.admin+"/doctor", "lang", lang): &files,
	} {
		v.curl(address)
		if _, err := c.api.get(r.Context(), address, into); err != nil {
			c.fail(w, r, v.Room, err)
			return
		}
	}
	slices.Sort(v.Curls)
	page.Files = files.Files
	page.choose(read, r.FormValue("function"))
	page.DoctorCurl = posting(c.api.admin+"/doctor", struct{}{}).curl()
	if len(page.Files) > 0 {
		page.FileCurl = posting(c.api.admin+"/doctor", map[string]string{"deploy": page.Files[0]}).curl()
	}
	v.Data = page
	c.render(w, r, status, "settings", v)
}

// choose shows a function by its name; the first if there is none of that name.
func (page *settingsView) choose(read settings, name string) {
	for _, f := range read.Functions {
		page.Functions = append(page.Functions, f.Name)
	}
	// An address may name a function that is gone since: the page then shows another one.
	at := max(slices.Index(page.Functions, name), 0)
	if at < len(read.Functions) {
		page.Chosen = read.Functions[at]
	}
	set := map[string]setting{}
	for _, one := range page.Chosen.Set {
		set[one.Name] = one
	}
	// What stands in no row of the table is left in set, and shown below.
	var absent []shownSetting
	for _, row := range read.Table {
		shown := shownSetting{settingRow: row, VariableName: row.Name}
		for _, name := range []string{row.Name, row.Name + "_FILE"} {
			if one, is := set[name]; is && (one.Value != "" || one.Masked) {
				shown.Setting, shown.Set, shown.VariableName = one, true, name
			}
			delete(set, name)
		}
		if shown.Set {
			page.Rows = append(page.Rows, shown)
		} else {
			absent = append(absent, shown)
		}
	}
	page.Rows = append(page.Rows, absent...)
	for _, one := range page.Chosen.Set {
		if _, left := set[one.Name]; left {
			page.Others = append(page.Others, shownSetting{Setting: one, Set: true, VariableName: one.Name})
		}
	}
}

// sourceWords say where a value is from.
var sourceWords = map[string]bilingual.Text{
	"emulator": bilingual.New("the emulator", "模拟器"), "description": bilingual.New("the description file", "描述文件"),
}

// SourceWord is the word for a source; a flag is shown as it is.
func (l language) SourceWord(source string) string {
	if text, known := sourceWords[source]; known {
		return l.In(text)
	}
	return source
}

// levelWords are the words for doctor's levels.
var levelWords = map[string]bilingual.Text{
	"fault": bilingual.New("fault", "错误"), "warning": bilingual.New("warning", "警告"), "skipped": bilingual.New("not checked", "未检查"),
	"fine": bilingual.New("right", "正确"), "fact": bilingual.New("fact", "事实"),
}

// LevelWord is the word for a level; the level itself if there is none.
func (l language) LevelWord(level string) string {
	if text, known := levelWords[level]; known {
		return l.In(text)
	}
	return level
}

// link matches a link of Markdown: its text, and its address.
var link = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

// Parts are the pieces of a text of the table, of which every second one is code. Of a link, which
// leads into the repository, its text stays.
func (r settingRow) Parts() []string {
	return strings.Split(link.ReplaceAllString(r.Meaning, "$1"), "`")
}

// Plain are the accepted values without Markdown's marks.
func (r settingRow) Plain() string { return strings.ReplaceAll(r.Values, "`", "") }

// runDoctor has the deployment, or a file, examined, and shows the findings.
func (c *Console) runDoctor(w http.ResponseWriter, r *http.Request) {
	page := settingsView{File: strings.TrimSpace(r.PostFormValue("deploy"))}
	var err error
	status := http.StatusOK
	if page.Examined, err = c.examine(r.Context(), languageOf(r), page.File); err != nil {
		status, page.Wrong = http.StatusUnprocessableEntity, bilingual.Wording(err)
	}
	c.settingsPage(w, r, status, page)
}

// examine calls POST /doctor. The faults come first, then the warnings; what is right comes last.
func (c *Console) examine(ctx context.Context, in language, file string) (*examination, error) {
	body := map[string]string{}
	if file != "" {
		body["deploy"] = file
	}
	var answer examination
	if _, err := c.api.send(ctx, posting(withQuery(c.api.admin+"/doctor", "lang", in.T("en", "zh")), body), &answer); err != nil {
		return nil, err
	}
	order := []string{"fault", "warning", "skipped", "fact", "fine"}
	slices.SortStableFunc(answer.Findings, func(a, b finding) int {
		return slices.Index(order, a.Level) - slices.Index(order, b.Level)
	})
	return &answer, nil
}
