package orderfile

import (
	"math"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// excelForms are how Excel and databases write a time without a zone. Each number may have one
// digit or two.
var excelForms = []string{
	"2006-1-2 15:4:5", "2006-1-2 15:4", "2006-1-2", "2006/1/2 15:4:5", "2006/1/2 15:4", "2006/1/2",
	"2006-1-2T15:4:5", "2006-1-2T15:4", "2006年1月2日 15:4:5", "2006年1月2日 15:4", "2006年1月2日",
}

// zonedForms are how databases write a time with its zone.
var zonedForms = []string{"2006-1-2 15:4:5Z07:00", "2006-1-2 15:4:5 Z07:00", "2006-1-2 15:4:5Z07", "2006-1-2 15:4:5 -0700"}

// The numbers by which Excel stores the days of the years 2000 to 2099.
const firstSerial, endSerial = 36526, 73051

// moment makes a time of a spreadsheet an RFC 3339 text. zone is nil when --zone was not given. Any
// other text is returned as it is, for the parameter's own rule: RFC 3339, a number of seconds, or
// nonsense.
func moment(name, cell string, zone *time.Location) (string, *lineError) {
	const clock = len("2006-01-02T")
	if len(cell) > clock && (strings.HasSuffix(cell, "Z") || strings.ContainsAny(cell[clock:], "+-")) {
		return zoned(cell), nil
	}
	if number, err := strconv.ParseFloat(cell, 64); err == nil {
		return serial(name, cell, number, zone)
	}
	for _, form := range excelForms {
		at, err := time.Parse(form, cell)
		switch {
		case err != nil:
		case zone == nil:
			return "", withoutZone(name, cell)
		default:
			return inZone(at, zone), nil
		}
	}
	return cell, nil
}

// zoned makes a time with a zone an RFC 3339 text; one that is none stays as it is.
func zoned(cell string) string {
	for _, form := range zonedForms {
		if at, err := time.Parse(form, cell); err == nil {
			return at.Format(time.RFC3339)
		}
	}
	return cell
}

// serial makes a time of a number by which Excel stores one: days since the end of 1899. A whole
// number of close_at is one of seconds; where the file may hold serial numbers too, as --zone says,
// one that may be either is refused rather than guessed at.
func serial(name, cell string, number float64, zone *time.Location) (string, *lineError) {
	isWhole := number == math.Trunc(number)
	isSerial := number >= firstSerial && number < endSerial
	switch {
	case !isSerial, name == closeAt && isWhole && zone == nil:
		return cell, nil
	case name == closeAt && isWhole:
		return "", &lineError{name, bilingual.Sprintf("%q may be a number of seconds or, with --zone, a day as Excel stores it: "+
			"write the time, or leave out --zone", "%q 可能是秒数，也可能（因有 --zone）是 Excel 存储的日期：请写成时间，或去掉 --zone", cell)}
	case zone == nil:
		return "", withoutZone(name, cell)
	}
	const day = 24 * time.Hour
	whole, part := math.Modf(number)
	at := time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(whole))
	return inZone(at.Add(time.Duration(part*float64(day)).Round(time.Second)), zone), nil
}

// inZone is what a clock in the zone shows, as a time.
func inZone(at time.Time, zone *time.Location) string {
	return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, zone).Format(time.RFC3339)
}

func withoutZone(name, cell string) *lineError {
	return &lineError{name, bilingual.Sprintf("%q has no time zone: say which with --zone, such as --zone Asia/Shanghai",
		"%q 没有时区：请用 --zone 指明，如 --zone Asia/Shanghai", cell)}
}

// fen makes an amount in yuan one in fen. It has at most two decimals.
func fen(cell string) (string, *lineError) {
	text := strings.TrimLeft(cell, "¥￥")
	yuan, part, _ := strings.Cut(text, ".")
	if len(part) > 2 || !isDigits(yuan) || part != "" && !isDigits(part) || strings.HasSuffix(text, ".") {
		return "", &lineError{"total", bilingual.Sprintf("must be an amount in yuan such as 123.45, not %q",
			"须为以元为单位的金额，如 123.45，而不是 %q", cell)}
	}
	return strings.TrimLeft(yuan, "0") + (part + "00")[:2], nil
}

func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}
