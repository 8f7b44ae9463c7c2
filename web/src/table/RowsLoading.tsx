/** RowsLoading holds the place of rows that are on their way, so that nothing jumps when they come. */
export function RowsLoading({ columns }: { columns: number }) {
  return (
    <tbody aria-hidden>
      {Array.from({ length: 12 }, (_, row) => (
        <tr key={row}>
          {Array.from({ length: columns }, (_, column) => (
            <td key={column}>
              <div className="loading-bar" style={{ width: `${40 + ((row * 7 + column * 13) % 45)}%` }} />
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}
