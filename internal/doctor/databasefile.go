package doctor

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"cloudpay/internal/bilingual"
)

// headOfSQLite begins each file of SQLite's that has tables
// (https://www.sqlite.org/fileformat.html).
const headOfSQLite = "SQLite format 3\x00"

// checkFile looks at the file of a SQLite store. It creates none, which opening the store would.
func (e *examination) checkFile(f Finding, path string) []Finding {
	finding := fileFinding(f, path)
	if finding.Level == LevelFault {
		e.database.silent = finding.Found
	}
	return []Finding{finding}
}

func fileFinding(f Finding, path string) Finding {
	info, err := os.Stat(path)
	switch {
	// The store would create an empty file, which looks like a register without orders.
	case errors.Is(err, fs.ErrNotExist):
		return f.fault(bilingual.New("there is no such file", "文件不存在"),
			bilingual.New("run `cloudpay orders migrate`, or correct the path in CLOUDPAY_STORE=sqlite:/path/to/file.db",
				"请运行 `cloudpay orders migrate`，或更正 CLOUDPAY_STORE=sqlite:/path/to/file.db 中的路径"))
	case err == nil && !info.Mode().IsRegular():
		return f.fault(bilingual.New("is no file", "不是文件"),
			bilingual.New("name a file: CLOUDPAY_STORE=sqlite:/path/to/file.db", "请指定文件：CLOUDPAY_STORE=sqlite:/path/to/file.db"))
	}
	// Opening for writing changes nothing, and fails for a user who may only read.
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return f.fault(bilingual.Sprintf("its file cannot be opened for writing: %s", "无法以写方式打开其文件：%s", withoutPath(err)),
			bilingual.New("have the file and its folder belong to the user that runs this (chown)", "请让该文件及其目录属于运行者（chown）"))
	}
	defer func() { _ = file.Close() }() // nothing was written
	// An empty file is one to which SQLite has not written yet.
	head, err := io.ReadAll(io.LimitReader(file, int64(len(headOfSQLite))))
	if err != nil || len(head) > 0 && !strings.HasPrefix(string(head), headOfSQLite) {
		return f.fault(bilingual.New("its file is no SQLite database", "该文件不是 SQLite 数据库"),
			bilingual.New("correct the path in CLOUDPAY_STORE=sqlite:/path/to/file.db", "请更正 CLOUDPAY_STORE=sqlite:/path/to/file.db 中的路径"))
	}
	// The store creates it with mode 0600: it has orders, openids and prices.
	const others = 0o077
	if info.Mode().Perm()&others != 0 {
		return f.warning(bilingual.New("a SQLite file that other users of this machine may open", "SQLite 文件，本机其他用户也可打开"),
			bilingual.New("chmod 600 the file, and the two beside it (-wal, -shm)", "请对该文件及其旁边的两个文件（-wal、-shm）执行 chmod 600"))
	}
	return f.fine(bilingual.New("a SQLite file on this machine, for this user alone", "本机的 SQLite 文件，仅限当前用户"))
}
