import { render } from 'preact'
import { wearTheme } from '../shared/theme.ts'
import '../shared/theme.css'
import { connect } from './state/feed.ts'
import { keepLink } from './state/hash-link.ts'
import { Page } from './view/page.tsx'
import './view/desk.css'
import './view/chart.css'
import './view/history.css'

wearTheme()
keepLink()
void connect()
const page = document.getElementById('page')
if (page !== null) render(<Page />, page)
