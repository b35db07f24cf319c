package tabular

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/fileerror"
	"github.com/blotterdb/blotter/internal/workbook"
)

const (
	// membersMax is the most members of an archive, including those that are skipped.
	membersMax = 100_000
	// directoryBytesMax is the most bytes that are read of a zip to find its members.
	directoryBytesMax = 16 << 20
)

// oldWorkbook are the first bytes of an .xls workbook, and of an .xlsx workbook with a password.
const oldWorkbook = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

// unsupported are the first bytes of formats that are recognized and not read.
var unsupported = map[string]string{
	"\xfd7zXZ\x00":     "xz",
	"\x28\xb5\x2f\xfd": "zstd",
	"BZh":              "bzip2",
	"7z\xbc\xaf":       "7-Zip",
	"Rar!":             "RAR",
	"PAR1":             "Parquet",
}

var (
	errDirectoryTooLong = errors.New("the directory is too long")
	tooManyMembers      = fmt.Sprintf("the archive has more than %d members; "+
		"split it, or unpack it and name the folder", membersMax)
)

// Error returns an ErrInvalid about a file.
func Error(path, reason string) error {
	return &blotter.Error{Kind: blotter.ErrInvalid, Message: path + ": " + reason}
}

// Mismatch returns the text of an error about a file that does not hold what is wanted: it holds kind, or the reason
// why not. hint may be "".
func Mismatch(path, kind, wanted, reason, hint string) string {
	text := path + ": " + reason
	if kind != "" {
		text = path + ": it holds " + kind + ", not " + wanted
	}
	if hint != "" {
		text += "; " + hint
	}
	return text
}

// Open opens a file for reading. Its errors are ErrInvalid and say what the user can do.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case path == "":
		return nil, Error(path, "the name of the file is empty")
	case err != nil:
		return nil, openError(path, err)
	case info.IsDir():
		return nil, Error(path, "it is a folder; name its files, for example "+filepath.Join(path, "*.csv"))
	}

	f, err := os.Open(path)
	if err != nil {
		return nil, openError(path, err)
	}
	return f, nil
}

func openError(path string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return Error(path, "this user may not read it")
	}
	return Error(path, fileerror.Text(err))
}

// Source yields the texts of a file: the file itself, the sheet of a workbook, or the members of an archive.
type Source struct {
	name    string
	read    atomic.Int64 // bytes of the packed file
	closers []io.Closer

	plain   *bufio.Reader // of a file that is not an archive; nil once Next has returned it
	tar     *tar.Reader
	members int // of the tar, that Next has passed
	zip     []*zip.File
	member  io.Closer // of the zip, that Next has opened

	sheet       string // of a workbook, that is read
	otherSheets []string
}

// NewSource looks at the first bytes of r to find out how it is packed. name is used in errors. sheet selects the sheet
// of a workbook; "" selects the first one that is not hidden. Errors are ErrInvalid.
func NewSource(name string, r io.Reader, sheet string) (*Source, error) {
	s := &Source{name: name}
	buffered := bufio.NewReaderSize(counter{r, &s.read}, LineBytesMax)
	start, _ := buffered.Peek(512)

	switch {
	case isZip(start):
		if err := s.openZip(r, sheet); err != nil {
			return nil, err
		}
		return s, nil
	case sheet != "":
		return nil, Error(name, "it is not an .xlsx workbook and has no sheets; leave out --sheet")
	case bytes.HasPrefix(start, []byte(oldWorkbook)):
		return nil, Error(name, "it is an old workbook (.xls) or has a password; save it as .xlsx or CSV")
	}

	if isGzip(start) {
		unpacked, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, Error(name, "cannot read the gzip: "+err.Error())
		}
		s.closers = append(s.closers, unpacked)
		buffered = bufio.NewReaderSize(unpacked, LineBytesMax)
		start, _ = buffered.Peek(512)
	}
	if kind := unsupportedKind(start); kind != "" {
		return nil, Error(name, kind+" files are not supported; unpack it to CSV, .gz or .zip first")
	}

	if isTar(start) {
		s.tar = tar.NewReader(buffered)
	} else {
		s.plain = buffered
	}
	return s, nil
}

// openZip opens a zip, or the sheet of a workbook, which is a zip too.
func (s *Source) openZip(r io.Reader, sheet string) error {
	file, isFile := r.(*os.File)
	var info os.FileInfo
	var err error
	if isFile {
		info, err = file.Stat()
	}
	if !isFile || err != nil || !info.Mode().IsRegular() {
		return Error(s.name, "a zip (or .xlsx) cannot be read from a stream; save it as a file first")
	}

	directory := &boundedReader{r: file, left: directoryBytesMax}
	archive, err := zip.NewReader(directory, info.Size())
	directory.left = -1 // what follows are the members

	switch {
	case errors.Is(err, errDirectoryTooLong) || err == nil && len(archive.File) > membersMax:
		return Error(s.name, tooManyMembers)
	case err != nil:
		return Error(s.name, "cannot read the zip: "+err.Error())
	case workbook.Is(archive.File):
		return s.openWorkbook(file, info.Size(), sheet)
	case hasMember(archive.File, "META-INF/manifest.xml") && hasMember(archive.File, "content.xml"):
		return Error(s.name, "it is an OpenDocument spreadsheet (.ods); save it as .xlsx or CSV")
	case sheet != "":
		return Error(s.name, "it is a zip, not an .xlsx workbook, and has no sheets; leave out --sheet")
	}

	s.zip = archive.File
	return nil
}

func (s *Source) openWorkbook(file io.ReaderAt, size int64, sheet string) error {
	book, err := workbook.Open(file, size, sheet)
	if err != nil {
		return Error(s.name, err.Error())
	}
	s.sheet = book.Name
	s.otherSheets = book.Others
	s.read.Store(size)
	s.closers = append(s.closers, book)
	s.plain = bufio.NewReaderSize(book, LineBytesMax)
	return nil
}

// Next returns the next text of the file, or io.EOF. The name is that of the member, "" for a file that is not an
// archive.
func (s *Source) Next() (name string, r *bufio.Reader, err error) {
	switch {
	case s.plain != nil:
		r = s.plain
		s.plain = nil
		return "", r, nil
	case s.tar != nil:
		return s.nextOfTar()
	}
	return s.nextOfZip()
}

func (s *Source) nextOfTar() (string, *bufio.Reader, error) {
	for {
		s.members++
		if s.members > membersMax {
			return "", nil, Error(s.name, tooManyMembers)
		}

		header, err := s.tar.Next()
		switch {
		case errors.Is(err, io.EOF):
			return "", nil, io.EOF
		case err != nil:
			return "", nil, Error(s.name, "cannot read the tar: "+err.Error())
		case header.Typeflag == tar.TypeReg && isVisible(header.Name):
			return header.Name, bufio.NewReaderSize(s.tar, LineBytesMax), nil
		}
	}
}

func (s *Source) nextOfZip() (string, *bufio.Reader, error) {
	for len(s.zip) > 0 {
		entry := s.zip[0]
		s.zip = s.zip[1:]
		if entry.FileInfo().IsDir() || !isVisible(entry.Name) {
			continue
		}
		if s.member != nil {
			_ = s.member.Close()
		}
		if entry.Flags&1 != 0 {
			return "", nil, Error(s.name, entry.Name+" is encrypted; unpack it first")
		}

		opened, err := entry.Open()
		if err != nil {
			return "", nil, Error(s.name, "cannot read the zip: "+err.Error())
		}
		s.member = opened
		s.read.Add(int64(entry.CompressedSize64))
		return entry.Name, bufio.NewReaderSize(opened, LineBytesMax), nil
	}
	return "", nil, io.EOF
}

// ErrOtherContent is matched by the errors of files that hold something else than their reader wants.
var ErrOtherContent = errors.New("the file holds something else")

// NextAccepted passes the texts of the file to accept until it returns nil. It skips members of an archive for which
// accept returns an error that matches ErrOtherContent, and returns their errors. It returns other errors, and io.EOF
// at the end of the file.
func (s *Source) NextAccepted(accept func(name string, r *bufio.Reader) error) (skipped []error, err error) {
	for {
		name, r, err := s.Next()
		if err != nil {
			return skipped, err
		}

		err = accept(name, r)
		if err == nil || !s.IsArchive() || !errors.Is(err, ErrOtherContent) {
			return skipped, err
		}
		skipped = append(skipped, err)

		// The end of a member has its checksum.
		if _, err := io.Copy(io.Discard, r); err != nil {
			return skipped, Error(MemberPath(s.name, name), "reading it failed: "+err.Error())
		}
	}
}

// PackedReason says why a text cannot be read that is packed itself, inside of an archive. It is "" for other texts.
func (s *Source) PackedReason(r *bufio.Reader) string {
	kind := Packing(r)
	if kind == "" || !s.IsArchive() {
		return ""
	}
	return "it is itself packed (" + kind + "); unpack the outer archive first"
}

// NothingReason says why an archive without an accepted member is refused, for example because none of its files "is a
// bar file".
func NothingReason(skipped []error, wanted string) string {
	if len(skipped) == 0 {
		return "the archive holds no files"
	}
	return fmt.Sprintf("none of its %d files %s; the first: %s", len(skipped), wanted, skipped[0])
}

// MemberPath returns the path of a member of a file, for errors. name is "" for a file that is not an archive.
func MemberPath(path, name string) string {
	if name == "" {
		return path
	}
	return path + "/" + name
}

// IsArchive reports whether the file contains other files.
func (s *Source) IsArchive() bool { return s.tar != nil || s.zip != nil }

// BytesRead returns how many bytes of the packed file have been read. It is safe for concurrent use.
func (s *Source) BytesRead() int64 { return s.read.Load() }

// SheetHint lists the other sheets of a workbook, for an error about the sheet that was read. It is "" for other
// files.
func (s *Source) SheetHint() string {
	switch {
	case s.sheet == "":
		return ""
	case len(s.otherSheets) == 0:
		return "sheet " + strconv.Quote(s.sheet) + " is its only one"
	}
	return "this is sheet " + strconv.Quote(s.sheet) + "; --sheet selects another: " + strings.Join(s.otherSheets, ", ")
}

// Close closes everything that the source opened. It does not close the reader that NewSource was given.
func (s *Source) Close() {
	if s.member != nil {
		_ = s.member.Close()
	}
	for _, c := range s.closers {
		_ = c.Close()
	}
}

// Packing returns how a member of an archive is packed itself, or "" for a text. It does not advance r.
func Packing(r *bufio.Reader) string {
	start, _ := r.Peek(512)
	switch {
	case isZip(start):
		return "zip"
	case isGzip(start):
		return "gzip"
	case isTar(start):
		return "tar"
	}
	return unsupportedKind(start)
}

func isZip(start []byte) bool  { return bytes.HasPrefix(start, []byte("PK\x03\x04")) }
func isGzip(start []byte) bool { return bytes.HasPrefix(start, []byte{0x1f, 0x8b}) }
func isTar(start []byte) bool  { return len(start) > 262 && string(start[257:262]) == "ustar" }

func unsupportedKind(start []byte) string {
	for magic, kind := range unsupported {
		if bytes.HasPrefix(start, []byte(magic)) {
			return kind
		}
	}
	return ""
}

func hasMember(members []*zip.File, name string) bool {
	return slices.ContainsFunc(members, func(member *zip.File) bool { return member.Name == name })
}

// isVisible reports whether a member was put there by a person, unlike .DS_Store and __MACOSX.
func isVisible(name string) bool {
	return !strings.HasPrefix(path.Base(name), ".") && !strings.HasPrefix(name, "__MACOSX")
}

// counter counts the bytes that are read.
type counter struct {
	r io.Reader
	n *atomic.Int64
}

func (c counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// boundedReader fails after a number of bytes.
type boundedReader struct {
	r    io.ReaderAt
	left int64 // negative for no bound
}

func (b *boundedReader) ReadAt(p []byte, off int64) (int, error) {
	if b.left < 0 {
		return b.r.ReadAt(p, off)
	}
	if int64(len(p)) > b.left {
		return 0, errDirectoryTooLong
	}
	b.left -= int64(len(p))
	return b.r.ReadAt(p, off)
}
