package orderfile

import (
	"errors"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
)

// Columns says what the columns of a CSV file are, by their titles, where the titles do not say it
// in the words of the parameters.
type Columns map[string]string

// What a column may be besides a parameter.
const (
	// passedOver is a column that is not read; everyOther is the title that stands for all columns
	// that are not known.
	passedOver = "-"
	everyOther = "*"
	// inYuan is an amount in yuan with its decimal point, where total is in fen.
	inYuan = "total:yuan"
	// ownMchID is the merchant's own number, which has to be the configured one.
	ownMchID = "mchid"
	// ofCombined is the number of the combined order that an order is part of, which has to be
	// empty: such an order cannot be registered.
	ofCombined = "combine_out_trade_no"
)

// ParseColumns reads what --map takes, such as 商户订单号=out_trade_no,订单金额=total:yuan,*=-.
func ParseColumns(text string) (Columns, error) {
	columns := Columns{}
	for pair := range strings.SplitSeq(text, ",") {
		title, is, found := strings.Cut(strings.TrimSpace(pair), "=")
		title, is = strings.TrimSpace(title), strings.TrimSpace(is)
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		if !found || title == "" {
			return nil, bilingual.Errorf("must be TITLE=NAME, with commas between several, not %q", "须为 列名=参数名，多个之间用逗号，而不是 %q", pair)
		}
		if _, twice := columns[title]; twice {
			return nil, bilingual.Errorf("column %q is there twice", "列 %q 出现两次", title)
		}
		if _, err := columnNamed(is); err != nil || title == everyOther && is != passedOver {
			return nil, bilingual.Errorf("%q: %q is neither what an order is registered with, nor %s, %s or %s (which leaves the column out)",
				"%q：%q 既不是登记订单的字段，也不是 %s、%s 或 %s（忽略该列）", title, is, inYuan, ownMchID, passedOver)
		}
		columns[title] = is
	}
	return columns, nil
}

// chinese are titles of WeChat Pay's own exports that mean one thing only. Its amounts are in yuan,
// its times may be those of payments, and its openids those of several appids: they are not here.
var chinese = Columns{
	"合单商户订单号": ofCombined, "合单订单号": ofCombined, "合单号": ofCombined,
	"商户订单号": outTradeNo, "商户单号": outTradeNo, "特约商户号": subMchID, "子商户号": subMchID, "商户号": ownMchID, "mch_id": ownMchID,
}

const subMchID = "sub_mch_id"

// column is one column of a CSV file.
type column struct {
	order.Parameter
	// is tells the columns that are no parameter: passedOver, inYuan, ownMchID. It is the
	// parameter's name for the others.
	is string
	// chinese says that it is one of WeChat Pay's exports, where 0 is no sub-merchant.
	chinese bool
}

// columnNamed is the column of a name that a header or a mapping gives.
func columnNamed(name string) (column, error) {
	switch name {
	case passedOver, rejectedLine, rejectedField, rejectedRule:
		return column{is: passedOver}, nil
	case ownMchID, ofCombined:
		return column{is: name}, nil
	case inYuan:
		total, err := order.RegisteredParameter("total")
		return column{Parameter: total, is: inYuan}, err
	}
	p, err := order.RegisteredParameter(name)
	if err != nil {
		return column{}, err
	}
	return column{Parameter: p, is: p.Name}, nil
}

// column is the column with that title: as the mapping says, as WeChat Pay's exports have it, or by
// the parameter's name.
func (m Columns) column(title string) (column, error) {
	if is, mapped := m[title]; mapped {
		return columnNamed(is)
	}
	if is, known := chinese[title]; known {
		c, err := columnNamed(is)
		c.chinese = true
		return c, err
	}
	c, err := columnNamed(title)
	if err != nil && m[everyOther] == passedOver {
		return column{is: passedOver}, nil
	}
	return c, err
}

// header reads the titles of the columns, and reports all that is wrong with them.
func (m Columns) header(titles []string, closeAtGiven bool) ([]column, error) {
	columns := make([]column, 0, len(titles))
	var faults, unknown []error
	for i, title := range titles {
		titles[i] = cleaned(title)
		c, err := m.column(titles[i])
		switch {
		case err != nil:
			unknown = append(unknown, m.unknownColumn(titles[i], err))
		case c.is != passedOver && hasParameter(columns, c):
			faults = append(faults, bilingual.Errorf("the header: %s is there twice", "表头：%s 出现两次", c.is))
		}
		columns = append(columns, c)
	}
	faults = append(unknown[:min(len(unknown), maxFaults)], faults...)
	if more := len(unknown) - maxFaults; more > 0 {
		faults = append(faults, bilingual.Errorf("the header: %d more columns are not known; --map '*=-' leaves out all that are not known",
			"表头：另有 %d 列无法识别；--map '*=-' 忽略所有无法识别的列", more))
	}
	for title := range m {
		if title != everyOther && !slices.Contains(titles, title) {
			faults = append(faults, bilingual.Errorf("the header: column %q of --map is not there; it has %s",
				"表头：没有 --map 中的列 %q；现有 %s", title, quoted(titles)))
		}
	}
	// A file without a header looks like one with unknown columns, which is said first.
	for _, needed := range []string{outTradeNo, closeAt} {
		if len(faults) == 0 && !hasNamed(columns, needed) && (needed != closeAt || !closeAtGiven) {
			faults = append(faults, missingColumn(needed, titles))
		}
	}
	if len(faults) > 0 {
		return nil, &FileError{errors.Join(faults...)}
	}
	return columns, nil
}

// maxFaults is how many unknown columns are named: an export may have thirty.
const maxFaults = 5

// unknownColumn says what may be done about a column.
func (m Columns) unknownColumn(title string, err error) error {
	return bilingual.Errorf("the header: column %q %w; say which it is with --map '%s=NAME', or leave it out with --map '%s=-'",
		"表头：列 %q %w；请用 --map '%s=参数名' 指明，或用 --map '%s=-' 忽略", title, err, title, title)
}

// missingColumn says which column is needed, and which the file has.
func missingColumn(needed string, titles []string) error {
	remedy := bilingual.Sprintf("--map 'TITLE=%s' says which it is", "请用 --map '列名=%s' 指明", needed)
	if needed == closeAt {
		remedy = bilingual.Sprintf("%s, or --close-at when to close all of them", "%s，或用 --close-at 给出全部订单的关单时间", remedy)
	}
	return bilingual.Errorf("the header: column %s is missing; the first line names the columns, "+
		"with a comma, a semicolon or a tab between, and names %s; %s", "表头：缺少列 %s；首行为列名，以逗号、分号或制表符分隔，现为 %s；%s", needed, quoted(titles), remedy)
}

func quoted(titles []string) string {
	const most = 30
	list := `"` + strings.Join(titles[:min(len(titles), most)], `", "`) + `"`
	if len(titles) > most {
		list += ", …"
	}
	return list
}

// hasParameter reports whether the same is there already; an amount is the same in fen and in yuan.
func hasParameter(columns []column, c column) bool {
	return slices.ContainsFunc(columns, func(other column) bool {
		return other.is == c.is || c.Name != "" && other.Name == c.Name
	})
}

func hasNamed(columns []column, name string) bool {
	return slices.ContainsFunc(columns, func(c column) bool { return c.Name == name })
}

// cleaned is a cell without what is around its text: spaces, which RFC 4180 keeps and no parameter
// has; the backquote by which WeChat Pay's exports keep Excel from rounding long numbers; and the
// formula ="…" that others use for that.
func cleaned(cell string) string {
	cell = strings.TrimSpace(cell)
	if cell == "" {
		return ""
	}
	if cell[0] == '`' {
		return strings.TrimSpace(cell[1:])
	}
	if text, is := strings.CutPrefix(cell, `="`); is && strings.HasSuffix(text, `"`) {
		return strings.TrimSuffix(text, `"`)
	}
	return cell
}
