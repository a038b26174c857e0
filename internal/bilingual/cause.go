package bilingual

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"
)

// causes are errors of the system and the standard library that a person can do something about,
// with their Chinese wording. The system's codes come first: some of them are an fs error as well
// (ENOENT is fs.ErrNotExist), and have a wording of their own.
var causes = []struct {
	err error
	zh  string
}{
	{syscall.ENOENT, "没有该文件或目录"},
	{syscall.EACCES, "没有权限"},
	{syscall.EPERM, "不允许的操作"},
	{syscall.EEXIST, "文件已存在"},
	{syscall.EISDIR, "是一个目录"},
	{syscall.ENOTDIR, "不是目录"},
	{syscall.ENOSPC, "磁盘空间不足"},
	{syscall.EROFS, "文件系统只读"},
	{syscall.EADDRINUSE, "地址已被占用"},
	{syscall.EADDRNOTAVAIL, "本机没有该地址"},
	{syscall.ECONNREFUSED, "连接被拒绝"},
	{syscall.ECONNRESET, "连接被对端重置"},
	{context.Canceled, "已取消"},
	{context.DeadlineExceeded, "超时"},
	{fs.ErrNotExist, "文件不存在"},
	{fs.ErrPermission, "没有权限"},
	{io.EOF, "内容意外结束"},
	{io.ErrUnexpectedEOF, "内容意外结束"},
}

// causeInChinese is the wording of an error that wraps no other; empty if it is not among the
// causes.
func causeInChinese(err error) string {
	for _, cause := range causes {
		if errors.Is(err, cause.err) {
			return cause.zh
		}
	}
	return ""
}
