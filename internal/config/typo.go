package config

import (
	"maps"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/typo"
)

// misspelt finds names that are one typo away from a known one, and names with [FileSuffix] whose
// variable cannot be read from a file.
func misspelt(env environment) *Faults {
	// The names of files count as known, and may be misspelt as well.
	known := Names()
	for _, v := range variables {
		if name := v.nameOfFile(); name != "" {
			known = append(known, name)
		}
	}
	faults := &Faults{}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if slices.Contains(known, name) {
			continue
		}
		meant := slices.IndexFunc(known, func(candidate string) bool { return isTypo(name, candidate) })
		value, isFile := strings.CutSuffix(name, FileSuffix)
		switch {
		case meant >= 0:
			faults.List = append(faults.List, Fault{
				Variable: name, Problem: bilingual.New("is not a variable of ours",
					"不是本程序的变量"), Remedy: bilingual.New("did you mean "+known[meant]+"?", "是否应为 "+known[meant]+"？"),
			})
		case isFile && slices.Contains(known, value):
			faults.List = append(faults.List, Fault{
				Variable: name, Problem: bilingual.New("is not a variable of ours, for only what is secret or PEM is read from files",
					"不是本程序的变量：只有密钥、令牌与 PEM 可从文件读取"),
				Remedy: bilingual.New("set "+value+" itself", "请直接设置 "+value),
			})
		}
	}
	return faults
}

// isTypo reports whether name is the known name with one typo in it; underscores count. An added or
// replaced digit makes another name: WXPAY_V3_KEY is not a misspelt WXPAY_V2_KEY, and WXPAY_MCHID2
// may be a second merchant.
func isTypo(name, known string) bool {
	return typo.Near(strings.ToUpper(name), known) && strings.Contains(digits(known), digits(name))
}

func digits(name string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, name)
}
