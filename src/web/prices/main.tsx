import { render } from 'preact'
import { wearTheme } from '../shared/theme.ts'
import '../shared/theme.css'
import { announceChanges } from './banner.tsx'
import { askStatus } from './instance.ts'
import { Page } from './page.tsx'
import './prices.css'
import { startQuotes } from './quotes.ts'
import { paintSparklines } from './sparkline.tsx'
import { followAddress } from './watchlist.ts'

wearTheme()
followAddress()
startQuotes(paintSparklines)
announceChanges()
void askStatus()

const page = document.getElementById('page')
if (page !== null) render(<Page />, page)
